"""Reads the rows of a Parquet file as texts."""

import glob
import logging
from collections.abc import Iterator, Sequence
from typing import Final

import duckdb

from container import quoted
from fleetcast.errors import InputError
from processing.raw_files.batch import Batch
from processing.raw_files.find import RawFile
from processing.raw_files.parquet_columns import FLOATS, batch_of, cell_text, is_nested, quoted_name

logger = logging.getLogger(__name__)

ROWS_PER_BATCH: Final = 100_000
LARGEST_EXACT: Final = 2**53
"""Largest whole number up to which floats hold every whole number."""
_SOURCE: Final = "read_parquet(?, hive_partitioning = false, binary_as_string = true)"


class ParquetFile:
    """A Parquet file, read by a DuckDB `connection` whose time zone is UTC."""

    def __init__(self, file: RawFile, connection: duckdb.DuckDBPyConnection) -> None:
        """Read the file's schema; raises InputError if the file is not Parquet."""
        self._file = file
        self._connection = connection
        described = self._execute(f"DESCRIBE SELECT * FROM {_SOURCE}", []).fetchall()
        self._types: dict[str, str] = {name: kind for name, kind, *_ in described}

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._types)

    @property
    def decimal(self) -> None:
        """None, because the file does not show the decimal mark of its texts."""

    def check(self, selected: Sequence[int | str]) -> None:
        """Raise InputError if a selected column is nested or has a duplicate.

        Logs a warning if the customers, the first of the columns, are floats.
        """
        names = [self.columns[place] for place in selected if isinstance(place, int)]
        for name in names:
            if is_nested(self._types[name]):
                raise self._refused(f"the column {quoted(name)} is nested: write its parts as columns")
        twice = "SELECT name FROM parquet_schema(?) GROUP BY name HAVING count(*) > 1"
        for (name,) in self._execute(twice, []).fetchall():
            if name in names and f"{name}_1" in self._types:
                raise self._refused(f"the column {quoted(name)} is there twice")
        if isinstance(selected[0], int) and self._types[names[0]] in FLOATS:
            self._warn_of_floats(names[0])

    def batches(self, selected: Sequence[int | str]) -> Iterator[Batch]:
        """Yield the rows of the selected columns: indices of `columns`, or a text for every row.

        Times with a zone are converted to UTC; whole floats are written as whole numbers.  Raises InputError
        if the file is damaged; do not use the rows that were read until then.
        """
        names = self.columns
        texts = [
            cell_text(names[place], self._types[names[place]]) if isinstance(place, int) else "?"
            for place in selected
        ]
        fixed = [text for text in selected if isinstance(text, str)]
        first = 1
        result = self._execute(f"SELECT {', '.join(texts)} FROM {_SOURCE}", fixed)
        while rows := self._fetch(result):
            yield batch_of(rows, first)
            first += len(rows)

    def _warn_of_floats(self, column: str) -> None:
        name, file = quoted_name(column), quoted(self._file.name)
        query = f"SELECT max(abs({name})) FILTER (isfinite({name})) FROM {_SOURCE}"
        largest = self._execute(query, []).fetchall()[0][0]
        logger.warning("%s: %s holds floats; whole ones become whole numbers, 7.0 is 7", file, quoted(column))
        if largest is not None and largest > LARGEST_EXACT:
            logger.warning(
                "%s: %s has floats above 2**53, which do not hold every digit: two customers may have become "
                "one; write the column as text or integers",
                file,
                quoted(column),
            )

    def _execute(self, query: str, parameters: list[str]) -> duckdb.DuckDBPyConnection:
        try:
            path = glob.escape(str(self._file.path))
            return self._connection.execute(query, [*parameters, path])
        except (duckdb.Error, UnicodeError) as error:
            raise self._unreadable(error) from error

    def _fetch(self, result: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
        try:
            return result.fetchmany(ROWS_PER_BATCH)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> InputError:
        cause = str(error).strip().splitlines()[0].replace(str(self._file.path), "the file")
        return self._refused(f"it cannot be read as Parquet: {cause}")

    def _refused(self, reason: str) -> InputError:
        return InputError(f"{quoted(self._file.name)}: {reason}")
