"""The command line of `process`."""

import argparse
import logging
import signal
from collections.abc import Mapping
from types import FrameType
from typing import NoReturn

from container import Paths, run
from fleetcast.errors import OptionError, SettingError
from processing.columns import Columns

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
    names = Columns()
    option = parser.add_argument_group("columns").add_argument
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
    option("--since", metavar="TIME", help="read only readings of this time or later, in UTC")
    option("--before", metavar="TIME", help="read only readings before this time, in UTC")
    option = parser.add_argument_group("how the files are written, if they leave it ambiguous").add_argument
    option(
        "--delimiter",
        metavar="CHARACTER",
        help="between cells: comma, semicolon, tab, pipe, or one character",
    )
    option("--decimal", metavar="MARK", help="the decimal mark: '.' or ','")
    option("--encoding", metavar="NAME", help="such as utf-8, latin-1, cp1252 or utf-16")
    option(
        "--date-format",
        metavar="FORMAT",
        help="in the notation of strptime, such as %%d/%%m/%%Y, or epoch_s, epoch_ms, epoch_us, epoch_ns",
    )
    option = parser.add_argument_group("output").add_argument
    option(
        "--replace",
        action="store_true",
        help="remove customers of an earlier run that this input does not have, instead of failing",
    )
    return parser.parse_args(arguments)


def columns(options: argparse.Namespace) -> Columns:
    """Return the options as `Columns`; raises SettingError for a malformed one."""
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
        since=_time("--since", options.since),
        before=_time("--before", options.before),
    )


def _time(option: str, text: str | None) -> str:
    """Return a time in the form of readings, 2026-01-31 00:00:00; raises SettingError for another text."""
    from fleetcast.readings import parse_times  # noqa: PLC0415 - as below
    from processing.usable_rows import as_text  # noqa: PLC0415 - as below

    if not text:
        return ""
    parsed = parse_times([text])
    if parsed.reasons:
        raise SettingError(f"{option} must be a time such as 2026-01-31T13:45:00, not {text!r}")
    return as_text(parsed.values)[0]


def process(paths: Paths, selection: Columns, *, replace: bool = False, **texts: str | None) -> int:
    """Run `processing.job.process`; `texts` are the fields of `ReadingOptions`.  Raises SettingError too."""
    from fleetcast.readings import ReadingOptions  # noqa: PLC0415 - as below
    from processing.job import process as run_step  # noqa: PLC0415 - slow; signals are handled before

    try:
        options = ReadingOptions(**texts)
    except OptionError as error:
        name, _, text = str(error).partition(" ")
        raise SettingError(f"--{name.replace('_', '-')} {text}") from error
    return run_step(paths, selection, options=options, replace=replace)


def main() -> int:
    """Run the program and return its exit code."""
    options = parse()
    received = _stop_on_signals()
    texts = {name: getattr(options, name) for name in ("delimiter", "decimal", "encoding", "date_format")}

    def program(env: Mapping[str, str]) -> int:
        try:
            process(Paths.from_env(env), columns(options), replace=options.replace, **texts)
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
