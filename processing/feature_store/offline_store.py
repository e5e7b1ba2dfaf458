"""Reads the readings of a feature group from the Parquet files of its offline store.

The store keeps every record that was ever put, and a marker for each deletion.  Which of them count is
decided as the dataset builder of the SageMaker SDK decides it, so that both make the same training data:

1. of the records of one customer and one event time, the one with the latest `api_invocation_time` counts,
   and of those the one with the latest `write_time`;
2. of each customer's deletion markers, the one with the latest event time counts (then as above);
3. a record counts if it is later than that marker, by event time, `api_invocation_time` and `write_time`.

With `as_of`, only what was written until then (`write_time`) exists.
"""

import glob
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb

from container import quoted
from fleetcast.errors import InputError
from processing.raw_files import Batch, RawFile, batch_of, cell_text, find_files, is_nested, quoted_name

logger = logging.getLogger(__name__)

SERVICE_COLUMNS: Final = ("is_deleted", "write_time", "api_invocation_time")
"""Columns that the service adds to each record."""
ROWS_PER_BATCH: Final = 100_000
MOST_STORES: Final = 3
"""Most stores in an error message."""
_SOURCE: Final = "read_parquet(?, union_by_name = true, hive_partitioning = false, binary_as_string = true)"
_READINGS: Final = """
WITH stored AS (
    SELECT {customer} AS customer, {moment} AS moment, is_deleted IS TRUE AS is_deleted,
        CAST(api_invocation_time AS TIMESTAMP) AS invoked, CAST(write_time AS TIMESTAMP) AS written,
        {cells}
    FROM {source}
    WHERE ? = '' OR CAST(write_time AS TIMESTAMP) <= CAST(nullif(?, '') AS TIMESTAMP)),
latest AS (
    SELECT * FROM stored
    QUALIFY row_number() OVER (
        PARTITION BY customer, moment, CASE WHEN moment IS NULL THEN cell_1 END
        ORDER BY invoked DESC, written DESC, {order}) = 1),
deleted AS (
    SELECT customer, max(row(moment, invoked, written)) AS marker
    FROM stored WHERE is_deleted AND moment IS NOT NULL GROUP BY customer)
SELECT {texts} FROM latest LEFT JOIN deleted USING (customer)
WHERE marker IS NULL OR row(moment, invoked, written) > marker
ORDER BY customer, moment, cell_1"""


class OfflineStore:
    """The Parquet files of one feature group's offline store, below a folder.

    It is read by a DuckDB `connection` whose time zone is UTC; what does not fit into its memory spills to
    the disk.  Each batch has readings that count, in the order of customer and time.
    """

    def __init__(
        self, folder: Path, name: str, connection: duckdb.DuckDBPyConnection, *, as_of: str = ""
    ) -> None:
        """Read the files' schemas; raises InputError if they are no offline store, or several."""
        self.file = RawFile(folder, name)
        """What stands for the store in log lines and in `rejected.csv`."""
        self._connection = connection
        self._as_of = as_of
        files = [file for file in find_files(folder) if file.is_parquet]
        self._check_files(files)
        self._paths = [glob.escape(str(file.path)) for file in files]
        described = self._execute(f"DESCRIBE SELECT * FROM {_SOURCE}", []).fetchall()
        self._types: dict[str, str] = {column: kind for column, kind, *_ in described}
        if missing := [column for column in SERVICE_COLUMNS if column not in self._types]:
            raise self._refused(f"its files have no column {' and no column '.join(missing)}")
        self._log_size()

    @property
    def columns(self) -> list[str]:
        """The names of the features."""
        return [column for column in self._types if column not in SERVICE_COLUMNS]

    @property
    def decimal(self) -> None:
        """None, because the store does not show the decimal mark of its texts."""

    def check(self, selected: Sequence[int | str]) -> None:
        """Raise InputError if a selected feature is a collection."""
        for place in selected:
            if isinstance(place, int) and is_nested(self._types[self.columns[place]]):
                raise self._refused(
                    f"the feature {quoted(self.columns[place])} is a collection, not a text or a number"
                )

    def batches(self, selected: Sequence[int | str]) -> Iterator[Batch]:
        """Yield the texts of the selected features, of which the first two are customer and event time.

        Event times are in UTC.  Raises InputError if a file is damaged, or if the disk is full; do not use
        the rows that were read until then.
        """
        columns = [self.columns[int(place)] for place in selected]
        names = [f"cell_{place}" for place in range(len(columns))]
        cells = [f"{quoted_name(column)} AS {name}" for column, name in zip(columns, names, strict=True)]
        texts = [cell_text(name, self._types[column]) for column, name in zip(columns, names, strict=True)]
        texts[1] = f"coalesce(CAST(moment AS VARCHAR), {texts[1]})"
        query = _READINGS.format(
            customer=quoted_name(columns[0]),
            moment=_moment(columns[1], self._types[columns[1]]),
            cells=", ".join(cells),
            texts=", ".join(texts),
            order=", ".join(f"{name} DESC" for name in names),
            source=_SOURCE,
        )
        result, first = self._execute(query, [self._as_of, self._as_of]), 1
        while rows := self._fetch(result):
            yield batch_of(rows, first)
            first += len(rows)

    def _check_files(self, files: Sequence[RawFile]) -> None:
        if not files:
            raise self._refused("it has no .parquet file")
        if any(self.file.path.rglob("*.metadata.json")):
            raise self._refused("it is an Iceberg table; feature groups in the format Glue can be read")
        roots = sorted({_root(file.name) for file in files})
        if len(roots) > 1:
            some = ", ".join(map(quoted, roots[:MOST_STORES])) + (", ..." if len(roots) > MOST_STORES else "")
            raise self._refused(f"it holds several offline stores ({some}): name the folder of one")

    def _log_size(self) -> None:
        query = f"SELECT count(*), count(*) FILTER (is_deleted) FROM {_SOURCE}"
        rows, deletions = self._execute(query, []).fetchall()[0]
        logger.info("%d records and %d deletions in %d files", rows - deletions, deletions, len(self._paths))

    def _execute(self, query: str, parameters: list[str]) -> duckdb.DuckDBPyConnection:
        try:
            ordered = [self._paths, *parameters]  # the source stands before the conditions
            return self._connection.execute(query, ordered)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _fetch(self, result: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
        try:
            return result.fetchmany(ROWS_PER_BATCH)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> InputError:
        cause = str(error).strip().splitlines()[0].replace(f"{self.file.path}/", "")
        return self._refused(f"it cannot be read: {cause}")

    def _refused(self, reason: str) -> InputError:
        return InputError(f"the offline store {quoted(self.file.name)}: {reason}")


def _root(name: str) -> str:
    """Return the folder above the partitions by year, month, day and hour."""
    above: list[str] = []
    for part in Path(name).parts[:-1]:
        if part.startswith("year="):
            return "/".join(above)
        above.append(part)
    return "/".join(above)


def _moment(column: str, kind: str) -> str:
    """Return the SQL of an event time as TIMESTAMP in UTC: from ISO 8601, or from seconds since 1970."""
    name = quoted_name(column)
    if kind == "VARCHAR":
        return f"CAST(TRY_CAST({name} AS TIMESTAMPTZ) AS TIMESTAMP)"
    if kind.startswith("TIMESTAMP"):
        return f"CAST({name} AS TIMESTAMP)"
    return f"make_timestamp(TRY_CAST(round({name} * 1000000) AS BIGINT))"
