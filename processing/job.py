"""The whole job: reads the raw files, sorts their rows on the disk, writes one folder per customer."""

import logging
import tempfile
import time
from pathlib import Path
from typing import Final

import duckdb

from container import Paths, progress, quoted
from fleetcast.errors import InputError
from fleetcast.readings import ReadingOptions
from processing.columns import Columns
from processing.feature_store import StoreInput, open_store
from processing.file_rows import read_files
from processing.hosts import check_hosts
from processing.output import (
    RejectedRows,
    SortedRows,
    connect,
    customers_to_remove,
    lock_output,
    remove,
    session,
    write_folders,
)
from processing.raw_files import find_files
from processing.reading import Reading, open_files, open_source

logger = logging.getLogger(__name__)

MOST_GROUPS: Final = 5
"""Most groups of similar customer names in the log."""


def process(
    paths: Paths,
    columns: Columns,
    *,
    options: ReadingOptions | None = None,
    replace: bool = False,
    store: StoreInput | None = None,
) -> int:
    """Write the folders of all customers; return the number of customers.

    With `store`, an offline store takes the place of the raw files, and `options`, which say how those are
    written, have no effect.
    Raises InputError if the input has no usable reading, if a file cannot be read, if other hosts of the job
    have further parts of the input, and if the output has customers that this input does not have; `replace`
    removes those instead.
    """
    check_hosts(paths)
    started, options = time.monotonic(), options if options and store is None else ReadingOptions()
    with (
        lock_output(paths.processing_output),
        tempfile.TemporaryDirectory(prefix="process-", ignore_cleanup_errors=True) as folder,
        RejectedRows(Path(folder) / "rejected.csv") as rejected,
        connect(Path(folder)) as connection,
    ):
        rows = SortedRows(connection, Path(folder))
        files, columns = _open(paths, columns, options, store, session(connection), Path(folder))
        count = read_files(files, columns, options, rows, rejected)
        total = sum(1 for _ in rows.customers())
        logger.info("%d readings of %d customers", count - rejected.total, total)
        stale = (
            customers_to_remove(paths.processing_output, rows.customers(), replace=replace) if total else []
        )
        rejected.write(_rejected(paths))
        _warn(rows, rejected, count, paths)
        if not total:
            raise InputError(f"no usable reading in {count} rows of {_place(paths, store)}")
        _write(rows, paths.processing_output, columns, total)
        remove(paths.processing_output, stale)
    seconds = time.monotonic() - started
    logger.info("%d customers written to %s in %.1f s", total, paths.processing_output, seconds)
    return total


def _open(  # noqa: PLR0913, PLR0917
    paths: Paths,
    columns: Columns,
    options: ReadingOptions,
    store: StoreInput | None,
    connection: duckdb.DuckDBPyConnection,
    temporary: Path,
) -> tuple[list[Reading], Columns]:
    """Return the raw files or the offline store, and the names of their columns."""
    if store is None:
        return open_files(find_files(paths.processing_input), columns, options, connection), columns
    source, columns = open_store(store, columns, connection, temporary)
    return [open_source(source.file, source, columns)], columns


def _place(paths: Paths, store: StoreInput | None) -> str:
    return f"the feature store {quoted(store.source)}" if store else str(paths.processing_input)


def _warn(rows: SortedRows, rejected: RejectedRows, count: int, paths: Paths) -> None:
    """Log the rejected rows and similar customer names, to be checked before the output is used."""
    if rejected.total:
        rejected.log()
        logger.warning("%d of %d rows rejected, see %s", rejected.total, count, _rejected(paths))
    for names in rows.similar_names(MOST_GROUPS):
        logger.warning("%s are different customers: are they one?", " and ".join(map(quoted, names)))


def _write(rows: SortedRows, output: Path, columns: Columns, total: int) -> None:
    header = ",".join(("timestamp", "consumption", *columns.regressors))
    written = write_folders(rows.chunks(), output, header=header)
    again = sum(count for _, count in progress(written, total=total, doing="process"))
    if again:
        logger.warning(
            "%d readings repeat another in customer, time and value; all were kept: is a file in the input "
            "twice?",
            again,
        )


def _rejected(paths: Paths) -> Path:
    return paths.base / "processing" / "rejected" / "rejected.csv"
