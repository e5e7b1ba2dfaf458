"""The program `process`: raw readings -> one folder per customer."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from container import InputError, Paths, SettingError, progress, run
from processing._folders import write_folders
from processing._readings import Columns, Readings

logger = logging.getLogger(__name__)

DESCRIPTION = """\
Split raw readings into one folder per customer.

Reads every .csv, .csv.gz and .parquet file below <base>/processing/input and writes
<base>/processing/output/<customer>/data.csv with the header timestamp,consumption (and the
regressors), sorted by time.  Rows that cannot be used go to <base>/processing/rejected/rejected.csv
with the reason.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.  The table may be larger than memory."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of this program."""
    parser = argparse.ArgumentParser(
        prog="process", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = Columns()
    option = parser.add_argument
    option("--customer-id", default=names.customer_id, metavar="COLUMN", help="default: %(default)s")
    option("--timestamp", default=names.timestamp, metavar="COLUMN", help="default: %(default)s")
    option("--value", default=names.value, metavar="COLUMN", help="default: %(default)s")
    option("--regressors", default="", metavar="COLUMNS", help="more columns to keep, separated by commas")
    option(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=TEXT",
        help="read only the rows with this text in this column, such as split=train; may be repeated",
    )
    return parser.parse_args(arguments)


def columns(options: argparse.Namespace) -> Columns:
    """Return the options as `Columns`; `SettingError` where one is malformed."""
    where = []
    for condition in options.where:
        column, equals, text = condition.partition("=")
        if not (column and equals):
            raise SettingError(f"--where must look like split=train, not {condition!r}")
        where.append((column, text))
    regressors = tuple(name.strip() for name in options.regressors.split(",") if name.strip())
    return Columns(
        customer_id=options.customer_id,
        timestamp=options.timestamp,
        value=options.value,
        regressors=regressors,
        where=tuple(where),
    )


def process(paths: Paths, wanted: Columns) -> int:
    """Run the step; return the number of customers written, raise `InputError` where there is none."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="process-") as spill:
        readings = Readings(paths.processing_input, wanted, spill=Path(spill))
        counts = readings.count()
        logger.info("%d readings of %d customers", counts.rows - counts.rejected, counts.customers)
        if counts.rejected:
            rejected = paths.base / "processing" / "rejected" / "rejected.csv"
            rejected.parent.mkdir(parents=True, exist_ok=True)
            readings.write_rejected(rejected)
            logger.warning("%d of %d rows rejected, see %s", counts.rejected, counts.rows, rejected)
        if not counts.customers:
            raise InputError(f"no usable reading in {counts.rows} rows below {paths.processing_input}")
        header = ",".join(("timestamp", "consumption", *wanted.regressors))
        written = write_folders(readings.lines(), paths.processing_output, header=header)
        total = sum(1 for _ in progress(written, total=counts.customers, doing="process"))
    seconds = time.monotonic() - started
    logger.info("%d customers written to %s in %.1f s", total, paths.processing_output, seconds)
    return total


def main() -> int:
    """Run the program and return its exit code."""
    options = parse()

    def program(env: Mapping[str, str]) -> int:
        process(Paths.from_env(env), columns(options))
        return 0

    return run(program)


if __name__ == "__main__":
    sys.exit(main())
