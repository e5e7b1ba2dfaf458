"""Sorts rows by customer and time in DuckDB, which spills to the disk if they exceed its memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from container import free_bytes
from fleetcast.errors import InputError
from processing.output.disk import name_in_errors

ROWS_PER_FETCH: Final = 20_000
ROWS_PER_INSERT: Final = 100_000
SHARE_OF_MEMORY: Final = 0.5
"""Share of the free memory that DuckDB uses before it spills to the disk."""
LEAST_BYTES: Final = 128 * 1024 * 1024
"""Memory that DuckDB gets at least."""
_ADD: Final = """
INSERT INTO lines SELECT * FROM read_csv(
    ?, columns = {'customer': 'VARCHAR', 'line': 'VARCHAR'}, auto_detect = false, header = false,
    delim = '\t', quote = '', escape = '', comment = '')"""
_SIMILAR_NAMES: Final = r"""
SELECT list(customer ORDER BY customer) FROM (SELECT DISTINCT customer FROM lines)
GROUP BY lower(nfc_normalize(regexp_replace(trim(customer), '^0+(\d)|[.]0+$', '\1', 'g')))
HAVING count(*) > 1 ORDER BY 1 LIMIT ?"""
"""Groups names such as 7, 007, 7.0 and ' 7', a and A, and the two ways to write an accent."""


def connect(spill: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that loads no extension, shows no progress and spills to the folder `spill`."""
    database = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": f"{max(int(free_bytes() * SHARE_OF_MEMORY), LEAST_BYTES) // 2**20}MiB",
            "preserve_insertion_order": True,
            "temp_directory": str(spill),
        },
    )
    database.execute("SET enable_progress_bar = false")
    return database


def session(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to the database, whose time zone is UTC."""
    connection = database.cursor()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


class SortedRows:
    """A DuckDB table of rows (customer, CSV line); a line begins with its time, so it sorts by time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, spill: Path) -> None:
        """Create the table in `connection`; `spill` is a folder for temporary files."""
        self._spill = spill
        self._connection = connection
        self._waiting: list[str] = []
        self._connection.execute("CREATE TABLE lines (customer VARCHAR, line VARCHAR)")

    def add(self, customers: Sequence[str], lines: Sequence[str]) -> None:
        """Add rows, both of shape (rows,), without tabs and newlines.

        Raises InputError if DuckDB has no room, and OSError.
        """
        self._waiting += map("\t".join, zip(customers, lines, strict=True))
        if len(self._waiting) >= ROWS_PER_INSERT:
            self._insert()

    def customers(self) -> Iterator[str]:
        """Yield the name of each customer once."""
        for rows in self._fetch("SELECT DISTINCT customer FROM lines"):
            yield from (name for (name,) in rows)

    def similar_names(self, most: int) -> list[list[str]]:
        """Return at most `most` groups of customers whose names differ only in how they are written."""
        return [names for rows in self._fetch(_SIMILAR_NAMES, most) for (names,) in rows]

    def chunks(self) -> Iterator[list[tuple[str, str]]]:
        """Yield all rows in chunks, sorted by customer and line."""
        yield from self._fetch("SELECT customer, line FROM lines ORDER BY customer, line")

    def _insert(self) -> None:
        path = self._spill / "rows.tsv"
        with name_in_errors(path):
            path.write_bytes("\n".join(self._waiting).encode())
        try:
            self._connection.execute(_ADD, [str(path)])
        except duckdb.Error as error:
            raise self._no_room(error) from error
        self._waiting.clear()

    def _fetch(self, query: str, *parameters: int) -> Iterator[list[tuple[Any, ...]]]:
        if self._waiting:
            self._insert()
        try:
            result = self._connection.execute(query, parameters)
            while rows := result.fetchmany(ROWS_PER_FETCH):
                yield rows
        except duckdb.Error as error:
            raise self._no_room(error) from error

    def _no_room(self, error: Exception) -> InputError:
        cause = str(error).strip().splitlines()[0]
        return InputError(
            f"the readings cannot be sorted, which needs about as much room in {self._spill.parent} as they "
            f"take as plain text; TMPDIR names another folder: {cause}"
        )
