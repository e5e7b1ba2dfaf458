"""Good rows in any order in, the same rows by customer and time out, larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import duckdb

from container import InputError, free_bytes
from processing._disk import naming

ROWS_PER_FETCH: Final = 20_000
ROWS_PER_INSERT: Final = 100_000
SHARE_OF_MEMORY: Final = 0.5
"""What DuckDB may take of the memory that is free; beyond it, it writes to the disk."""
LEAST_BYTES: Final = 128 * 1024 * 1024
_ADD: Final = """
INSERT INTO lines SELECT * FROM read_csv(
    ?, columns = {'customer': 'VARCHAR', 'line': 'VARCHAR'}, auto_detect = false, header = false,
    delim = '\t', quote = '', escape = '', comment = '')"""
_ALIKE: Final = r"""
SELECT list(customer ORDER BY customer) FROM (SELECT DISTINCT customer FROM lines)
GROUP BY lower(nfc_normalize(regexp_replace(trim(customer), '^0+(\d)|[.]0+$', '\1', 'g')))
HAVING count(*) > 1 ORDER BY 1 LIMIT ?"""
"""The key is equal for 7, 007, 7.0 and ' 7', for a and A, for the two ways to write an accent."""


def connect(spill: Path, name: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that loads nothing, spills to `spill`, and takes UTC for the zone of every time."""
    connection = duckdb.connect(
        name if name == ":memory:" else str(spill / name),
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": f"{max(int(free_bytes() * SHARE_OF_MEMORY), LEAST_BYTES) // 2**20}MiB",
            "preserve_insertion_order": True,
            "temp_directory": str(spill),
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


class SortedRows:
    """Rows (customer, CSV line), on the disk in `spill`; a line begins with its time, so it sorts by time."""

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._connection = connect(spill, "rows.duckdb")
        self._waiting: list[str] = []
        self._execute("CREATE TABLE lines (customer VARCHAR, line VARCHAR)")

    def add(self, customers: Sequence[str], lines: Sequence[str]) -> None:
        """Add rows; both of shape (rows,), without control characters."""
        self._waiting += map("\t".join, zip(customers, lines, strict=True))
        if len(self._waiting) >= ROWS_PER_INSERT:
            self._insert()

    def _insert(self) -> None:
        if not self._waiting:
            return
        path = self._spill / "rows.tsv"
        with naming(path):
            path.write_bytes("\n".join(self._waiting).encode())
        self._execute(_ADD, [str(path)])
        self._waiting.clear()

    def customers(self) -> Iterator[str]:
        """Yield the name of each customer once."""
        self._insert()
        result = self._execute("SELECT DISTINCT customer FROM lines")
        while rows := result.fetchmany(ROWS_PER_FETCH):
            yield from (name for (name,) in rows)

    def alike(self, most: int) -> list[list[str]]:
        """Return at most `most` groups of customers whose names a person could take for one."""
        self._insert()
        groups = self._execute(_ALIKE, [most]).fetchall()
        return [names for (names,) in groups]

    def chunks(self) -> Iterator[list[tuple[str, str]]]:
        """Yield all rows in chunks, sorted by customer and line."""
        self._insert()
        result = self._execute("SELECT customer, line FROM lines ORDER BY customer, line")
        while rows := result.fetchmany(ROWS_PER_FETCH):
            yield rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _execute(self, query: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query, parameters)
        except (duckdb.Error, OSError) as error:
            raise InputError(self._no_room(error)) from error

    def _no_room(self, error: Exception) -> str:
        text = str(error).strip().splitlines()[0]
        return (
            f"the readings cannot be sorted in {self._spill.parent}, which needs about as much room as they "
            f"take as plain text, and more memory or room may help; TMPDIR names another folder: {text}"
        )
