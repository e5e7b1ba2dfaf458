"""The program `train`: one folder per customer -> one archive per customer."""

import argparse
import json
import logging
import math
import signal
from collections.abc import Mapping
from typing import Any

from container import Paths, log_metrics, quoted, run
from container.environment import COMMON
from container.variables import help_text
from fleetcast.archive import write_atomically
from fleetcast.errors import FilesystemError, FleetcastError, SettingError
from train import hyperparameters
from train.engines.local import WorkerStartError
from train.host import Host
from train.job import Finished, run_job
from train.lock import TreeInUseError
from train.report.page import report
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

DESCRIPTION = """\
Fit one Prophet model per customer, on all processors.

Reads <base>/input/data/<channel>/<customer>/data.csv (or <channel>/<customer>.csv, .parquet; without a
channel, what `process` wrote) and writes <base>/checkpoints/<customer>.tar.gz, the bundle
<base>/model/fleet-<host>.sqlite, the ledger <base>/output/data/train.jsonl with a line per customer, and
report.html beside it.  A customer whose archive is there, complete and up to date, is skipped.
Hyperparameters are texts in <base>/input/config/hyperparameters.json.  <base> is SAGEMAKER_BASE_DIR, /opt/ml
unless set."""
EPILOGUE = """\
hyperparameters:

{hyperparameters}

environment variables:
{variables}"""

MOST_FAILURE_CHARACTERS = 1024
EXIT_OF_SIGNAL = 128
"""Plus the signal's number: 130 after Ctrl-C, 143 after SIGTERM."""
STATUSES = ("ok", "skipped", "fallback", "kept", "failed")


class TrainingError(FleetcastError):
    """The job as a whole failed."""


def train(paths: Paths, settings: TrainSettings) -> int:
    """Run the job and return the exit code; raise `TrainingError` once all that can be done is written."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        finished = run_job(paths, settings, stopped=lambda: bool(asked))
        figures = _figures(finished)
        write_atomically(paths.model / "summary.json", json.dumps(figures, indent=2).encode() + b"\n")
        page = report(paths, finished, settings, figures)
        write_atomically(paths.output_data / "report.html", page.encode("utf-8", "replace"))
    except (FilesystemError, SettingError, WorkerStartError) as error:
        raise TrainingError(str(error)) from error
    log_metrics(figures)
    tally = finished.tally
    if tally.customers < len(finished.customers):
        total = len(finished.customers)
        logger.warning("stopped: %d of %d customers done; run again to go on", tally.customers, total)
        return EXIT_OF_SIGNAL + asked[0] if asked else EXIT_OF_SIGNAL + signal.SIGTERM
    _check_shares(finished, settings)
    return 0


def _check_shares(finished: Finished, settings: TrainSettings) -> None:
    """Raise `TrainingError` where more customers failed, or are fitted by no engine, than is allowed."""
    tally = finished.tally
    if len(tally.failed) > settings.max_failed_fraction * tally.customers:
        first = tally.failed[0]
        raise TrainingError(
            f"{len(tally.failed)} of {tally.customers} customers failed, more than max_failed_fraction = "
            f"{settings.max_failed_fraction:g} allows. The first: {quoted(first.customer)}: {first.reason}"
        )
    if tally.without_engine > settings.max_fallback_fraction * tally.customers:
        customer, reason = tally.fallbacks[0]
        raise TrainingError(
            f"{tally.without_engine} of {tally.customers} customers could be fitted by no engine, more than "
            f"max_fallback_fraction = {settings.max_fallback_fraction:g} allows. "
            f"The first fallback: {quoted(customer)}: {reason}"
        )


def _figures(finished: Finished) -> dict[str, Any]:
    """Return the figures of the job, logged as one `name=value;` each for SageMaker's metric definitions.

    Without a customer that was measured there is no mean_mase: 0 would be the best score of all.
    """
    tally = finished.tally
    figures: dict[str, Any] = {f"customers_{name}": tally.statuses[name] for name in STATUSES}
    if tally.mase:
        figures["mean_mase"] = round(math.fsum(mase for mase, _ in tally.mase) / len(tally.mase), 6)
    return figures | {
        "models_per_second": round((tally.customers - len(tally.failed)) / finished.seconds, 1),
        "seconds": round(finished.seconds, 3),
    }


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which has no options but `--help`."""
    return argparse.ArgumentParser(
        prog="fleetcast train",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(hyperparameters=hyperparameters.help_of_all(), variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main() -> int:
    """Run the program and return its exit code; the reason of a failure goes to `/opt/ml/output/failure`."""
    parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)
        try:
            return train(paths, TrainSettings.from_files(paths, Host.from_files(paths)))
        except TreeInUseError as error:
            logger.error("%s", error)  # noqa: TRY400 -- output/failure is the other training's
            return 1

    return run(program, failed=_write_failure)


def _write_failure(env: Mapping[str, str], reason: str) -> None:
    failure = Paths.from_env(env).failure
    failure.parent.mkdir(parents=True, exist_ok=True)
    failure.write_text(reason[:MOST_FAILURE_CHARACTERS])
