"""The command line of `process`."""

import argparse
import logging
import signal
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from container import Paths, run
from fleetcast.errors import SettingError
from processing.columns import Columns
from processing.options import (
    DIALECT,
    add_column_options,
    add_dialect_options,
    columns,
    reading_options,
    time_of,
)

if TYPE_CHECKING:
    from processing.feature_store import StoreInput

logger = logging.getLogger(__name__)

DESCRIPTION = """\
Split raw readings into one folder per customer.

Reads every .csv, .tsv, .txt (each also with .gz) and .parquet file below <base>/processing/input and writes
<base>/processing/output/<customer>/data.csv with the header timestamp,consumption (and the regressors), in
UTC, sorted by time.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.  The table may be larger than memory.

An invalid or ambiguous row goes to <base>/processing/rejected/rejected.csv with its file, line and reason; it
never stops the others.  A file that cannot be read as a whole stops the program before
anything is written."""
EPILOGUE = """\
examples:
  process --customer-id meter --timestamp ds --value y
  process --delimiter semicolon --decimal , --encoding latin-1 --date-format '%d.%m.%Y %H:%M'
  process --regressors temperature,holiday --where split=train
  process --from-feature-store readings --as-of 2026-01-31
  process --before 2026-01-01       for train, and for evaluate: process --since 2026-01-01

exit codes: 0 done; 1 nothing usable, a file that cannot be read, a disk that is full; 2 an unknown option;
130 after Ctrl-C; 143 after SIGTERM"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of this program."""
    parser = argparse.ArgumentParser(
        prog="fleetcast process",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_column_options(parser)
    option = parser.add_argument_group("SageMaker Feature Store").add_argument
    option(
        "--from-feature-store",
        metavar="GROUP",
        help="read the offline store of a feature group (its name or ARN), below an S3 URI or in a folder, "
        "instead of raw files",
    )
    option("--as-of", metavar="TIME", help="read what the offline store had written until this time, in UTC")
    add_dialect_options(parser)
    option = parser.add_argument_group("output").add_argument
    option(
        "--replace",
        action="store_true",
        help="remove customers of an earlier run that this input does not have, instead of failing",
    )
    return parser.parse_args(arguments)


def store_of(options: argparse.Namespace) -> "StoreInput | None":
    """Return the offline store to read, None for raw files; raises SettingError."""
    if options.from_feature_store is None:
        if options.as_of:
            raise SettingError(
                "--as-of belongs to --from-feature-store; --before divides raw readings at a time"
            )
        return None
    from processing.feature_store import StoreInput  # noqa: PLC0415 - as below

    return StoreInput(options.from_feature_store, as_of=time_of("--as-of", options.as_of))


def process(
    paths: Paths,
    selection: Columns,
    *,
    replace: bool = False,
    store: "StoreInput | None" = None,
    **texts: str | None,
) -> int:
    """Run `processing.job.process`; `texts` are the fields of `ReadingOptions`.  Raises SettingError too."""
    from processing.job import process as run_step  # noqa: PLC0415 - slow; signals are handled before

    return run_step(paths, selection, options=reading_options(**texts), replace=replace, store=store)


def main() -> int:
    """Run the program and return its exit code."""
    options = parse()
    received = _stop_on_signals()
    texts = {name: getattr(options, name) for name in DIALECT}

    def program(env: Mapping[str, str]) -> int:
        try:
            paths, store = Paths.from_env(env), store_of(options)
            process(paths, columns(options), replace=options.replace, store=store, **texts)
        except BaseException:
            if not received:
                raise
            name = signal.Signals(received[0]).name
            logger.error("stopped by %s; start process again to write the whole output", name)  # noqa: TRY400
            return 128 + received[0]
        return 0

    return run(program)


def _stop_on_signals() -> list[int]:
    """Make SIGINT and SIGTERM raise an exception, so that temporary files are removed.

    Returns a list that gets the number of the signal, because DuckDB replaces the exception by its own.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> NoReturn:
        received.append(number)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    return received
