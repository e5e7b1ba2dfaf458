"""Reads the rows of all files, and separates usable rows from rejected ones."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from container import quoted
from fleetcast import readings
from fleetcast.readings import Evidence, ReadingOptions
from processing.columns import Columns
from processing.output import RejectedRows, SortedRows
from processing.raw_files import Batch, RawFile, RefusedRow
from processing.reading import Reading
from processing.usable_rows import UsableRows, distinct, usable_rows

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES: Final = 5.0
_NOTES_ONLY: Final = frozenset({"zone", "no zone"})
"""Keys of evidence that do not decide how a time is read."""
_TWO_ORDERS: Final = (
    "the dates of %s have the day first, those of %s have the month first; if one order holds for all, "
    "set --date-format"
)


class FileRows(NamedTuple):
    """Consecutive rows of one file."""

    file: RawFile
    usable: UsableRows
    refused: list[RefusedRow]
    """In the order of their lines."""


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
    count = 0
    for part in rows_of(files, columns, options, program="process"):
        rows.add(part.usable.customers, part.usable.lines)
        rejected.add(part.file.name, part.refused)
        count += len(part.usable.lines) + len(part.refused)
    return count


def rows_of(
    files: Sequence[Reading], columns: Columns, options: ReadingOptions, *, program: str
) -> Iterator[FileRows]:
    """Yield the rows of every file that `columns` selects; log the progress, and what to check.

    Raises InputError if a file is damaged; do not use its rows that were read until then.
    """
    count, left_out, last_line = 0, 0, time.monotonic()
    first_file: dict[str, str] = {}
    for done, reading in enumerate(files):
        evidence = Counter[str]()
        for batch, evidence in _with_evidence(reading, options.date_format):
            first_file.setdefault(readings.first_of_dates(evidence), quoted(reading.file.name))
            part, matching = _file_rows(reading, batch, columns, options, evidence)
            yield part
            count += matching + len(batch.refused)
            left_out += len(batch.lines) - matching
            if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                logger.info("%s: %d rows read, %d of %d files whole", program, count, done, len(files))
        for note in readings.notes_on_times(evidence):
            logger.warning("%s: %s", quoted(reading.file.name), note)
    if {"day", "month"} <= first_file.keys():
        logger.warning(_TWO_ORDERS, first_file["day"], first_file["month"])
    if left_out:
        logger.info("%d rows left out: %s", left_out, columns.selection())


def read_again(files: Sequence[Reading], columns: Columns, options: ReadingOptions) -> Iterator[FileRows]:
    """Yield what `rows_of` yielded, and log nothing."""
    for reading in files:
        for batch, evidence in _with_evidence(reading, options.date_format):
            yield _file_rows(reading, batch, columns, options, evidence)[0]


def _file_rows(
    reading: Reading, batch: Batch, columns: Columns, options: ReadingOptions, evidence: Evidence
) -> tuple[FileRows, int]:
    """Return the rows of a batch, and the number of those that `columns` selects."""
    decimal = reading.source.decimal if options.decimal is None else options.decimal
    usable, refused, matching = usable_rows(
        batch,
        columns,
        decimal="." if decimal is None else decimal,
        date_format=options.date_format,
        evidence=evidence,
    )
    ordered = sorted((*batch.refused, *refused), key=attrgetter("line"))
    return FileRows(reading.file, usable, ordered), matching


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


def _evidence_of(reading: Reading, date_format: str | None) -> Evidence:
    evidence = Counter[str]()
    for batch in reading.source.batches(reading.selected):
        evidence += readings.evidence_of_times(distinct(batch.columns[1]), date_format=date_format)
    return evidence
