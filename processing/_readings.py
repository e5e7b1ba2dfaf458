"""The raw table, read by DuckDB: which rows are good, in what order they come, why others are refused."""

import glob
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from container import InputError

logger = logging.getLogger(__name__)

FORMATS = (".csv", ".csv.gz", ".parquet")
ROWS_PER_FETCH = 20_000
LONGEST_CUSTOMER_BYTES = 200
"""A file name has 255 bytes; `.tar.gz` and the mark of an unfinished file go with it."""
FILE = "fleetcast.file"

_MALFORMED = """
SELECT parse_filename(file_path) AS file, any_value(csv_line) AS row, any_value(error_message) AS reason
FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
WHERE error_type <> 'CAST' GROUP BY file_path, line"""
"""Rows that are no CSV of the file's own columns, as DuckDB notes them down at every scan.  A text that is no
number or time is not among them: those rows get our own reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the columns of the raw table are called, and which of its rows are wanted."""

    customer_id: str = "customer_id"
    timestamp: str = "timestamp"
    value: str = "consumption"
    regressors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    """Pairs (column, text): only rows that have this text in this column are read."""

    def names(self) -> tuple[str, ...]:
        """Return every column that must be there."""
        wanted = (self.customer_id, self.timestamp, self.value, *self.regressors)
        return wanted + tuple(column for column, _ in self.where)


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in the raw table."""

    rows: int
    rejected: int
    customers: int


class Readings:
    """The raw files of one folder as one table; a DuckDB connection that spills to `spill` is its state."""

    def __init__(self, folder: Path, columns: Columns, *, spill: Path) -> None:
        self._connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
                "temp_directory": str(spill),
            }
        )
        files = _files(folder)
        for path in files:
            self._check_columns(path, columns)
        self._checked = _checked_rows(files, columns)

    def count(self) -> Counts:
        """Read everything once; an `InputError` names a file that cannot be read to its end."""
        good = "FILTER (reason IS NULL)"
        # count(row), not count(*): a scan that needs the text of all fields drops no row whose cast fails
        counted = f"count(row), count(reason), count(DISTINCT customer) {good}"
        rows, rejected, customers = self._execute(f"SELECT {counted} FROM ({self._checked})").fetchall()[0]
        malformed = self._execute(f"SELECT count(*) FROM ({_MALFORMED})").fetchall()[0][0]
        return Counts(rows=rows + malformed, rejected=rejected + malformed, customers=customers)

    def write_rejected(self, path: Path) -> None:
        """Write the refused rows, after a `count`, to a CSV file: as they came, with file and reason."""
        refused = f"SELECT file, row, reason FROM ({self._checked}) WHERE reason IS NOT NULL"
        rejected = f"({refused}) UNION ALL ({_MALFORMED}) ORDER BY ALL"
        unfinished = path.with_suffix(".unfinished")
        self._execute(f"COPY ({rejected}) TO {_text(unfinished)} (FORMAT csv, HEADER)")
        unfinished.replace(path)

    def lines(self) -> Iterator[list[tuple[str, str]]]:
        """Yield good rows in chunks of pairs (customer, CSV line), sorted by customer, then by time."""
        query = (
            f"SELECT customer, line FROM ({self._checked}) WHERE reason IS NULL ORDER BY customer, time, line"
        )
        result = self._execute(query)
        while rows := result.fetchmany(ROWS_PER_FETCH):
            yield rows

    def _check_columns(self, path: Path, columns: Columns) -> None:
        described = self._execute(f"DESCRIBE SELECT * FROM {_source(path)}").fetchall()
        present = [row[0] for row in described if row[0] != FILE]
        missing = [name for name in columns.names() if name not in present]
        if missing:
            raise InputError(
                f"{path.name} has no column {' and no column '.join(missing)}; its columns are "
                f"{', '.join(present)}. Name yours with --customer-id, --timestamp and --value."
            )

    def _execute(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query)
        except duckdb.OutOfMemoryException as error:
            raise InputError(f"not enough memory or disk to sort the readings: {error}") from error
        except (duckdb.Error, OSError) as error:
            raise InputError(f"the readings cannot be read: {_first_line(error)}") from error


def _files(folder: Path) -> list[Path]:
    files = sorted(
        path for path in folder.rglob("*") if path.name.lower().endswith(FORMATS) and path.is_file()
    )
    if not files:
        raise InputError(f"no readings in {folder}: put files ending in {', '.join(FORMATS)} there")
    return files


def _source(path: Path) -> str:
    """Return a file as a table with the column `FILE` for where a row came from."""
    name, options = _text(glob.escape(str(path))), f"filename = {_text(FILE)}"
    if path.suffix.lower() == ".parquet":
        return f"read_parquet({name}, {options})"
    dialect = "header = true, delim = ',', quote = '\"', escape = '\"', comment = ''"
    return f"read_csv({name}, {options}, all_varchar = true, store_rejects = true, {dialect})"


def _checked_rows(files: Sequence[Path], columns: Columns) -> str:
    """Return the query behind everything: customer, time, line, reason (NULL in a good row) and more."""
    union = " UNION ALL ".join(_selected(_source(path), columns) for path in files)
    fields = ["CAST(time AS VARCHAR)", "CAST(value AS VARCHAR)"]
    fields += [f"CAST(regressor_{index} AS VARCHAR)" for index in range(len(columns.regressors))]
    line = " || ',' || ".join(fields)
    return f"SELECT *, {_reason(columns)} AS reason, {line} AS line FROM ({union})"


def _selected(source: str, columns: Columns) -> str:
    def text(column: str) -> str:
        return f"CAST({_name(column)} AS VARCHAR)"

    as_it_came = [f"coalesce({text(column)}, '')" for column in columns.names()]
    selected = [
        f"{text(columns.customer_id)} AS customer",
        f"TRY_CAST({text(columns.timestamp)} AS TIMESTAMP) AS time",
        f"TRY_CAST({text(columns.value)} AS DOUBLE) AS value",
        *(
            f"TRY_CAST({text(column)} AS DOUBLE) AS regressor_{index}"
            for index, column in enumerate(columns.regressors)
        ),
        f"concat_ws(',', {', '.join(as_it_came)}) AS row",
        f"parse_filename({_name(FILE)}) AS file",
    ]
    wanted = " AND ".join(f"{text(column)} = {_text(value)}" for column, value in columns.where) or "true"
    return f"SELECT {', '.join(selected)} FROM {source} WHERE {wanted}"


def _reason(columns: Columns) -> str:
    not_a_name = " OR ".join(
        (
            "starts_with(customer, '.')",
            "contains(customer, '/')",
            "contains(customer, chr(0))",
            f"strlen(customer) > {LONGEST_CUSTOMER_BYTES}",
        )
    )
    accepted = f"no '/', no leading '.', at most {LONGEST_CUSTOMER_BYTES} bytes"
    cases = [
        ("customer IS NULL OR customer = ''", f"{columns.customer_id} is missing"),
        (not_a_name, f"{columns.customer_id} cannot name a folder ({accepted})"),
        ("time IS NULL", f"{columns.timestamp} is not a date or time such as 2026-01-31 13:45:00"),
        ("value IS NULL OR NOT isfinite(value)", f"{columns.value} is not a finite number"),
    ]
    for index, column in enumerate(columns.regressors):
        regressor = f"regressor_{index}"
        cases.append(
            (f"{regressor} IS NULL OR NOT isfinite({regressor})", f"{column} is not a finite number")
        )
    whens = " ".join(f"WHEN {condition} THEN {_text(text)}" for condition, text in cases)
    return f"CASE {whens} END"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
