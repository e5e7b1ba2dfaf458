"""Opens the raw files, each in its own dialect, and separates usable rows from rejected ones."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

import duckdb

from container import quoted
from fleetcast import readings
from fleetcast.errors import DialectError, InputError
from fleetcast.readings import Evidence, ReadingOptions
from processing.columns import Columns
from processing.output import RejectedRows, SortedRows
from processing.raw_files import Batch, EmptyFileError, ParquetFile, RawFile, TextFile
from processing.usable_rows import distinct, usable_rows

logger = logging.getLogger(__name__)

MOST_BAD_FILES: Final = 3
MOST_COLUMNS: Final = 20
"""Most columns in an error message."""
SECONDS_BETWEEN_LINES: Final = 5.0
_NEXT_STEP: Final = "Nothing was written. Correct the input, or move what cannot be read out of its folder"
_NOTES_ONLY: Final = frozenset({"zone", "no zone"})
"""Keys of evidence that do not decide how a time is read."""


_TWO_ORDERS: Final = (
    "the dates of %s have the day first, those of %s have the month first; if one order holds for all, "
    "set --date-format"
)


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


def read_files(
    files: Sequence[Reading],
    columns: Columns,
    options: ReadingOptions,
    rows: SortedRows,
    rejected: RejectedRows,
) -> int:
    """Read every file into `rows` and `rejected`; return the number of rows that `columns` selects.

    Raises InputError if a file is damaged.
    """
    count, left_out, last_line = 0, 0, time.monotonic()
    first_file: dict[str, str] = {}
    for done, reading in enumerate(files):
        decimal = reading.source.decimal if options.decimal is None else options.decimal
        decimal = "." if decimal is None else decimal
        for batch, evidence in _with_evidence(reading, options.date_format):
            first_file.setdefault(readings.first_of_dates(evidence), quoted(reading.file.name))
            usable, refused, matching = usable_rows(
                batch, columns, decimal=decimal, date_format=options.date_format, evidence=evidence
            )
            rows.add(*usable)
            rejected.add(reading.file.name, sorted((*batch.refused, *refused), key=attrgetter("line")))
            count += matching + len(batch.refused)
            left_out += len(batch.lines) - matching
            if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                logger.info("process: %d rows read, %d of %d files whole", count, done, len(files))
    if {"day", "month"} <= first_file.keys():
        logger.warning(_TWO_ORDERS, first_file["day"], first_file["month"])
    if left_out:
        logger.info("%d rows left out: %s", left_out, columns.selection())
    return count


def _with_evidence(reading: Reading, date_format: str | None) -> Iterator[tuple[Batch, Evidence]]:
    """Yield a file's rows with the evidence of all its times about how ambiguous ones are read.

    A file is read once until it has an ambiguous time, and once more from its beginning if it has one.
    """
    evidence, is_whole = Counter[str](), False
    for batch in reading.source.batches(reading.selected):
        if not is_whole:
            part = readings.evidence_of_times(distinct(batch.columns[1]), date_format=date_format)
            if part.keys() <= _NOTES_ONLY:
                evidence += part
            else:
                evidence, is_whole = _evidence_of(reading, date_format), True
        yield batch, evidence
    for note in readings.notes_on_times(evidence):
        logger.warning("%s: %s", quoted(reading.file.name), note)


def _evidence_of(reading: Reading, date_format: str | None) -> Evidence:
    evidence = Counter[str]()
    for batch in reading.source.batches(reading.selected):
        evidence += readings.evidence_of_times(distinct(batch.columns[1]), date_format=date_format)
    return evidence
