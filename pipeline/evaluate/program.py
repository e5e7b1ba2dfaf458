"""The command line of `evaluate`."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Final

from container import COMMON, Paths, StopRequest, help_text, log_metrics, quoted, run, usable_cpus
from fleetcast.command import EXIT_USAGE
from fleetcast.errors import InputError, OptionError, SettingError
from fleetcast.evaluation import Holdout
from fleetcast.readings import ReadingOptions
from pipeline.evaluate.job import Inputs, evaluate
from pipeline.evaluate.outcome import STATUSES
from pipeline.evaluation import metric_line
from pipeline.exit_message import write_exit_message
from train.hyperparameters import CUSTOMER_MEMORY, CUSTOMER_TIMEOUT
from train.settings import MEGABYTE, READING, TrainSettings

logger = logging.getLogger(__name__)

WIDTH: Final = 110
EXIT_CODES: Final[Mapping[int, str]] = {
    0: "done: at least one customer was evaluated; whether the figures are good is what `gate` decides",
    1: "nothing was evaluated, or a file cannot be read or written; the last log line has the reason",
    EXIT_USAGE: "an unknown option, or a package is missing that the program needs",
    130: "stopped by Ctrl-C; nothing is written, start it again",
    143: "stopped by SIGTERM; nothing is written, start it again",
}
DESCRIPTION: Final = """\
Compare the forecasts of a fleet with readings that its training has not seen.

Reads <base>/processing/input/
  model/    the archives of a fleet, or its bundles, or the model.tar.gz of a training job
  actuals/  readings after the training's end, one folder per customer, as `fleetcast process` writes them;
            they may begin earlier
  history/  the readings of the training (optional)
in the same way as `fleetcast train` reads them; how files are written, and what the model needs of them, is
in each archive.

For each customer the forecast is asked at the times of its readings, from the archive's end on.  Readings up
to the archive's last one take no part in it, whichever folder they are in: only the seasonal naive forecast,
which is measured beside it, repeats their last season.  The unit of MASE is that of the training.

Writes <base>/processing/output/evaluation/evaluation.json, the figures of the fleet as SageMaker's model
registry shows them, and evaluation.jsonl with a line per customer: its metrics, those of the naive forecast,
and what is odd about its data.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set."""
EPILOGUE: Final = """\
statuses of customers:
{statuses}

exit codes:
{exit_codes}

environment variables:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    codes = "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items()).replace("`", "")
    statuses = "\n".join(
        fill(f"{status:17}{meaning}", WIDTH, initial_indent="  ", subsequent_indent=" " * 19)
        for status, meaning in STATUSES.items()
    ).replace("`", "")
    made = argparse.ArgumentParser(
        prog="fleetcast evaluate",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(statuses=statuses, exit_codes=codes, variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = made.add_argument_group("what is compared").add_argument
    option(
        "--horizon",
        default="",
        metavar="SPAN",
        help="count only readings within a span after each archive's end, such as 7D, 48h or 90min, or the "
        "first ones, such as 24; default: all",
    )
    _add_folders(made)
    option = made.add_argument_group("limits for one customer").add_argument
    option(
        "--customer-timeout-seconds",
        type=int,
        default=CUSTOMER_TIMEOUT.default,
        metavar="SECONDS",
        help="a customer that takes longer fails; default: %(default)s",
    )
    option(
        "--customer-memory-mb",
        type=int,
        default=CUSTOMER_MEMORY.default,
        metavar="MB",
        help="the address space of a worker process; a customer that needs more fails; default: %(default)s",
    )
    return made


def _add_folders(made: argparse.ArgumentParser) -> None:
    option = made.add_argument_group("folders").add_argument
    for name, content in (
        ("model", "the archives, bundles or model.tar.gz"),
        ("actuals", "the new readings"),
        ("history", "the readings of the training"),
    ):
        default = f"default: <base>/processing/input/{name}"
        option(f"--{name}", metavar="FOLDER", help=f"{content}; {default}")
    option = made.add_argument_group(
        "how the files are written, if not as those of the training"
    ).add_argument
    option("--delimiter", metavar="CHARACTER", help="comma, semicolon, tab, pipe, or one character")
    option("--decimal", metavar="MARK", help="the decimal mark: '.' or ','")
    option("--encoding", metavar="NAME", help="such as utf-8, latin-1, cp1252 or utf-16")
    option("--date-format", metavar="FORMAT", help="in the notation of strptime, such as %%d/%%m/%%Y")


def settings(options: argparse.Namespace) -> TrainSettings:
    """Return the options as settings of a job; raise `SettingError` for a bad one."""
    texts = {name: value for name in READING if (value := getattr(options, name)) is not None}
    try:
        reading = ReadingOptions(**texts)
    except OptionError as error:
        name, _, text = str(error).partition(" ")
        raise SettingError(f"--{name.replace('_', '-')} {text}") from error
    limits = {
        "--customer-timeout-seconds": (options.customer_timeout_seconds, CUSTOMER_TIMEOUT.minimum),
        "--customer-memory-mb": (options.customer_memory_mb, CUSTOMER_MEMORY.minimum),
    }
    for name, (value, minimum) in limits.items():
        if value < minimum:
            raise SettingError(f"{name} must be at least {minimum}, not {value}")
    return TrainSettings(
        reading=reading,
        customer_timeout_seconds=options.customer_timeout_seconds,
        customer_memory_bytes=options.customer_memory_mb * MEGABYTE,
        workers=usable_cpus(),
    )


def horizon(text: str) -> Holdout:
    """Return the rows or the span that count; raise `SettingError` for another text."""
    try:
        parsed = Holdout.parse(text)
    except SettingError as error:
        raise SettingError(str(error).replace("holdout", "--horizon", 1)) from error
    if text and not (parsed.rows or parsed.span):
        raise SettingError(f"--horizon must be above 0, not {text!r}")
    return parsed


def inputs(paths: Paths, options: argparse.Namespace) -> Inputs:
    """Return the folders to read; raise `InputError` for a history that is named and not there."""
    names = ("model", "actuals", "history")
    model, actuals, history = (
        Path(given) if (given := getattr(options, name)) else paths.processing_input / name for name in names
    )
    if options.history and not history.is_dir():
        raise InputError(f"there is no folder {quoted(history)}, which --history names")
    return Inputs(model, actuals, history)


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)
        folders, limits, span = inputs(paths, options), settings(options), horizon(options.horizon)
        stop = StopRequest.on_signals()
        figures = evaluate(paths, folders, limits, horizon=span, stopped=stop.is_made)
        if figures is None:
            logger.warning("stopped; nothing is written: run the same command again")
            return stop.exit_code
        log_metrics(metric_line(figures.evaluation()))
        if not figures.statuses["ok"]:
            raise InputError(
                f"none of {figures.statuses.total()} customers could be evaluated; evaluation.jsonl says why"
            )
        return 0

    return run(program, failed=write_exit_message)
