"""The whole job: reads the raw files to their end, then puts their rows into a feature group."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from container import Paths, progress, quoted
from fleetcast.errors import InputError
from fleetcast.readings import ReadingOptions
from processing.columns import Columns
from processing.feature_store import FeatureGroup, client, region_of
from processing.file_rows import FileRows, read_again, rows_of
from processing.hosts import check_divided
from processing.ingest.group_setup import NewGroup, ready_group
from processing.ingest.journal import Journal
from processing.ingest.records import Record, RecordFormat, in_parts, last_of_each_key
from processing.ingest.send import IngestStoppedError, Sender
from processing.ingest.settings import IngestSettings
from processing.output import RejectedRows, connect, session
from processing.raw_files import find_files
from processing.reading import open_files

logger = logging.getLogger(__name__)

RECORDS_PER_PART: Final = 10_000
"""Records that are sent before the journal notes them."""


@dataclass(slots=True)
class Counts:
    """How many records had which outcome."""

    put: int = 0
    earlier: int = 0
    """Put by an earlier run, as the journal says."""
    repeated: int = 0
    """Left out, because a later row has the same customer and time."""
    failed: int = 0

    @property
    def total(self) -> int:
        """Number of records so far."""
        return self.put + self.earlier + self.repeated + self.failed


def ingest(  # noqa: PLR0913
    paths: Paths,
    columns: Columns,
    settings: IngestSettings,
    *,
    options: ReadingOptions | None = None,
    new: NewGroup | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Counts:
    """Put all rows of the raw files into the group, or delete what they name.

    Nothing is put before every file was read to its end.  Raises InputError if a file cannot be read, if the
    group does not fit, or if more records fail than `settings` allow, and IngestStoppedError.
    """
    check_divided(paths)
    options = options or ReadingOptions()
    columns = replace(columns, value=None, regressors=()) if settings.deletes else columns
    rejected_path = paths.base / "processing" / "rejected" / "rejected.csv"
    with (
        tempfile.TemporaryDirectory(prefix="ingest-", ignore_cleanup_errors=True) as folder,
        RejectedRows(Path(folder) / "rejected.csv") as rejected,
        connect(Path(folder)) as connection,
    ):
        files = open_files(find_files(paths.processing_input), columns, options, session(connection))
        group = ready_group(settings.group, columns, new)
        form = RecordFormat.of(group, columns)
        total = _read(rows_of(files, columns, options, program="ingest"), form, rejected, stopped)
        if not total:
            rejected.write(rejected_path)
            raise InputError(f"no usable reading below {paths.processing_input}")
        job = _Job(group, form, settings, rejected, total, stopped)
        try:
            job.run(read_again(files, columns, options), _journal(paths, group, columns, settings))
        finally:
            rejected.write(rejected_path)
            if rejected.total:
                rejected.log()
                logger.warning("%d rows rejected or failed, see %s", rejected.total, rejected_path)
    if job.counts.put:
        _wait(settings.wait_minutes, stopped)
    if job.counts.failed > settings.max_failed_fraction * total:
        raise InputError(
            f"{job.counts.failed} of {total} records failed, more than --max-failed-fraction "
            f"{settings.max_failed_fraction:g} allows. Correct what {rejected_path} says, and start again"
        )
    return job.counts


def _read(
    rows: Iterator[FileRows], form: RecordFormat, rejected: RejectedRows, stopped: Callable[[], bool]
) -> int:
    """Read all rows; return the number of records, and add the other rows to `rejected`."""
    total = 0
    for part in rows:
        records, too_fine = form.records(part)
        rejected.add(part.file.name, sorted([*part.refused, *too_fine], key=lambda row: row.line))
        total += len(records)
        if stopped():
            raise IngestStoppedError("stopped")
    return total


def _wait(minutes: float, stopped: Callable[[], bool]) -> None:
    """Wait for the offline store; a signal ends it."""
    if minutes:
        logger.info("waiting %g minutes for the offline store to have all records", minutes)
    deadline = time.monotonic() + minutes * 60
    while (left := deadline - time.monotonic()) > 0 and not stopped():
        time.sleep(min(left, 1))


def _journal(paths: Paths, group: FeatureGroup, columns: Columns, settings: IngestSettings) -> Journal:
    action = "delete" if settings.deletes else "put"
    path = paths.base / "processing" / "ingest" / f"{group.name}.journal"
    return Journal(path, begins=(action, group.arn, group.created.isoformat(), *columns.numbers()))


class _Job:
    """Sends the records part by part."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        group: FeatureGroup,
        form: RecordFormat,
        settings: IngestSettings,
        rejected: RejectedRows,
        total: int,
        stopped: Callable[[], bool],
    ) -> None:
        runtime = client(
            "sagemaker-featurestore-runtime",
            region=region_of(settings.group),
            connections=settings.threads,
            validate=False,
        )
        self.counts = Counts()
        self._sender = Sender(runtime, form, settings, stopped=stopped)
        self._form = form
        self._rejected = rejected
        self._total = total
        self._verb = "deleted" if settings.deletes else "put"
        if group.has_online_store:
            logger.info("%s has an online store, which stays as it is", quoted(group.name))

    def run(self, rows: Iterator[FileRows], journal: Journal) -> None:
        """Send all records; failed ones go to the rejected rows.  Raises InputError, IngestStoppedError."""
        started, counts = time.monotonic(), self.counts
        try:
            for _ in progress(self._parts(rows, journal), total=self._total, doing="ingest", unit="records"):
                pass
        finally:
            seconds = time.monotonic() - started
            logger.info("%d records %s in %.1f s, %d failed", counts.put, self._verb, seconds, counts.failed)
            if counts.earlier:
                logger.info("%d records were %s by an earlier run", counts.earlier, self._verb)
            if counts.repeated:
                logger.warning(
                    "%d rows have the customer and time of a later row, which counts", counts.repeated
                )

    def _parts(self, rows: Iterator[FileRows], journal: Journal) -> Iterator[None]:
        """Send part by part, and yield once for each record that is done."""
        for file_rows in rows:
            records, _ = self._form.records(file_rows)
            for part in in_parts(records, RECORDS_PER_PART):
                done = self.counts.total
                self._part(part, journal)
                yield from (None for _ in range(self.counts.total - done))

    def _part(self, part: Sequence[Record], journal: Journal) -> None:
        once = last_of_each_key(part)
        self.counts.repeated += len(part) - len(once)
        if journal.has(text for record in once for text in (*record.key, *record.numbers)):
            self.counts.earlier += len(once)
            return
        failed = self._sender.send(once)
        self.counts.put += len(once) - len(failed)
        self.counts.failed += len(failed)
        for record, reason in failed:
            self._rejected.add(record.file, [record.refused(reason)])
        if not failed:
            journal.add()
