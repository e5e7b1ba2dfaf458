"""The program `refresh`: old archives and a channel with new readings -> archives with newer forecasts."""

import argparse
import json
import logging
from collections.abc import Mapping
from textwrap import fill
from typing import Final

from container import COMMON, Host, Paths, StopRequest, help_text, log_metrics, run
from fleetcast.archive import write_atomically
from train.customer import REFRESH_STATUSES
from train.exit_codes import (
    DONE,
    FAILED,
    check_shares,
    code_of_signal,
    help_of_exit_codes,
    write_failure,
)
from train.job import JobResult
from train.lock import TreeInUseError
from train.refresh.job import run_refresh
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

DESCRIPTION: Final = """\
Make forecasts of trained customers from their newest readings, without a training.

Use it between two trainings, as often as readings arrive: a training chooses each customer's methods, weights
and intervals and fits Prophet's model; a refresh keeps them all, and lets the methods beside Prophet's model
forecast from the new end of the readings.  It takes some milliseconds per customer.  Archives in which
Prophet's model forecasts alone (the default, models = prophet) have nothing to refresh and stay as they are.

Reads the archives in <base>/input/data/archives or, without that channel, in <base>/checkpoints, and the
readings in the other channel, as `fleetcast train` reads them: the whole history, or its last weeks, or only
what came since the last refresh.  An archive remembers its last 900 steps from its first refresh on, unless
its model has regressors; so the first refresh needs two weeks of hourly readings (two long seasons), and the
next one needs new readings alone.  How the files are written, and what the model needs of them, is in each
archive.

Writes what `fleetcast train` writes: <base>/checkpoints/<customer>.tar.gz, the bundle
<base>/model/fleet-<host>.sqlite with all customers, new or not, summary.json beside it, and the ledger
<base>/output/data/refresh.jsonl.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set."""
EPILOGUE: Final = """\
statuses in the ledger:
{statuses}

exit codes:
{exit_codes}

hyperparameters that it uses, all of `fleetcast train`: delimiter, decimal, encoding and date_format, if the
files are written in another way than those of the training; customer_timeout_seconds, customer_memory_mb;
max_failed_fraction, of customers that failed or are kept.

environment variables:
{variables}"""

WIDTH: Final = 110
"""Characters of a line of the help."""


def refresh(paths: Paths, settings: TrainSettings) -> int:
    """Run the refresh, write the summary, log the figures, and return the exit code.

    Raises `TrainingError`, after all that, where too many customers could not be refreshed.
    """
    stop = StopRequest.on_signals()
    result = run_refresh(paths, settings, stopped=stop.is_made)
    figures = figures_of(result)
    write_atomically(paths.model / "summary.json", json.dumps(figures, indent=2).encode() + b"\n")
    log_metrics(figures)
    if not result.is_complete:
        done, total = result.tally.customers, len(result.customers)
        logger.warning(
            "stopped: %d of %d customers are done; run the same command again for the others", done, total
        )
        return code_of_signal(stop.signal).number
    check_shares(result.tally, settings)
    return DONE.number


def figures_of(result: JobResult) -> dict[str, int | float]:
    """Return how many customers have each status, and how fast they were refreshed."""
    figures: dict[str, int | float] = {
        f"customers_{status}": result.tally.statuses[status] for status in REFRESH_STATUSES
    }
    figures["customers_per_second"] = round(result.tally.customers / max(result.seconds, 1e-9), 1)
    figures["seconds"] = round(result.seconds, 3)
    return figures


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which has no options but `--help`."""
    statuses = "\n".join(
        fill(f"{status:11}{meaning}", WIDTH, initial_indent="  ", subsequent_indent=" " * 13)
        for status, meaning in REFRESH_STATUSES.items()
    )
    return argparse.ArgumentParser(
        prog="fleetcast refresh",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(
            statuses=statuses, exit_codes=help_of_exit_codes(), variables=help_text(COMMON)
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main() -> int:
    """Run the program and return its exit code; the reason of a failure goes to `/opt/ml/output/failure`."""
    parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)
        try:
            return refresh(paths, TrainSettings.from_files(paths, Host.from_files(paths)))
        except TreeInUseError as error:
            logger.error("%s", error)  # noqa: TRY400 -- output/failure is the other job's
            return FAILED.number

    return run(program, failed=write_failure)
