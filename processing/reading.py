"""Opens the raw files, each in its own dialect, and finds the columns to read."""

import logging
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import duckdb

from container import quoted
from fleetcast import readings
from fleetcast.errors import DialectError, InputError
from fleetcast.readings import ReadingOptions
from processing.columns import Columns
from processing.raw_files import Batch, EmptyFileError, ParquetFile, RawFile, TextFile

logger = logging.getLogger(__name__)

MOST_BAD_FILES: Final = 3
MOST_COLUMNS: Final = 20
"""Most columns in an error message."""
_NEXT_STEP: Final = "Nothing was written. Correct the input, or move what cannot be read out of its folder"


class Source(Protocol):
    """A raw file of any kind."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""

    @property
    def decimal(self) -> str | None:
        """The decimal mark of its numbers; None if the file does not show it."""

    def check(self, selected: Sequence[int | str]) -> None:
        """Raise InputError if a selected column cannot be read."""

    def batches(self, selected: Sequence[int | str]) -> Iterator[Batch]:
        """Yield its rows; raises InputError if it cannot be read to its end."""


class Reading(NamedTuple):
    """A raw file and the columns to read: indices of its columns, or texts for every row."""

    file: RawFile
    source: Source
    selected: tuple[int | str, ...]


def open_files(
    files: Sequence[RawFile], columns: Columns, options: ReadingOptions, connection: duckdb.DuckDBPyConnection
) -> list[Reading]:
    """Return each file with the columns to read; raises InputError, which names the refused files."""
    opened: list[Reading] = []
    bad: list[str] = []
    for file in files:
        try:
            source: Source
            source = (
                ParquetFile(file, connection) if file.is_parquet else TextFile(file, columns.names(), options)
            )
            opened.append(open_source(file, source, columns))
        except EmptyFileError as error:
            logger.warning("%s", error)
        except InputError as error:
            bad.append(str(error))
        except OSError as error:
            bad.append(f"{quoted(file.name)} cannot be read: {error.strerror}")
    if bad:
        more = f"; and {len(bad) - MOST_BAD_FILES} more files" if len(bad) > MOST_BAD_FILES else ""
        raise InputError(f"{'; '.join(bad[:MOST_BAD_FILES])}{more}. {_NEXT_STEP}")
    return opened


def open_source(file: RawFile, source: Source, columns: Columns) -> Reading:
    """Return a file with the columns to read; raises InputError if it has not all of them."""
    selected = _places(file, source.columns, columns)
    source.check(selected)
    return Reading(file, source, selected)


def _places(file: RawFile, header: Sequence[str], columns: Columns) -> tuple[int | str, ...]:
    """Return for each column its index in the header, or its text in the names of the file's folders."""
    selected: list[int | str] = []
    missing = []
    for name in columns.names():
        try:
            place = readings.place_of(header, (name,))
        except DialectError as error:
            raise InputError(f"{quoted(file.name)} {error}") from error
        if place is not None:
            selected.append(place)
        elif name in file.partition:
            selected.append(file.partition[name])
        else:
            missing.append(name)
    if missing:
        names = ", ".join(map(quoted, header[:MOST_COLUMNS]))
        raise InputError(
            f"{quoted(file.name)} has no column {' and no column '.join(map(quoted, missing))}; its columns "
            f"are {names}{_hint(header)}. Name yours with --customer-id, --timestamp and --value"
        )
    return tuple(selected)


def _hint(header: Sequence[str]) -> str:
    """Return a hint if a cell of the header is a time."""
    is_reading = len(readings.parse_times(header).reasons) < len(header)
    return " (is its header missing?)" if is_reading else ""
