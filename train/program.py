"""The program `train`: one folder per customer -> one archive per customer."""

import argparse
import json
import logging
import os
from collections.abc import Mapping
from functools import partial
from typing import Final

from container import COMMON, Host, Paths, StopRequest, help_text, log_metrics, run
from container.cluster import run_on_cluster
from fleetcast.archive import write_atomically
from train import hyperparameters
from train.engines import VARIABLES, choose
from train.exit_codes import (
    DONE,
    FAILED,
    TrainingError,
    check_shares,
    code_of_signal,
    help_of_exit_codes,
    write_failure,
)
from train.figures import figures_of
from train.job import run_job
from train.lock import TreeInUseError
from train.report import report_page
from train.settings import TrainSettings

__all__ = ["TrainingError", "main", "parser", "train"]

logger = logging.getLogger(__name__)

DESCRIPTION: Final = """\
Fit one Prophet model per customer, on all processors.

Reads <base>/input/data/<channel>/<customer>/data.csv (or <channel>/<customer>.csv, .parquet; without a
channel, what `process` wrote) and writes <base>/checkpoints/<customer>.tar.gz, the bundle
<base>/model/fleet-<host>.sqlite, the ledger <base>/output/data/train.jsonl with a line per customer, and
report.html beside it.  A customer whose archive is there, complete and up to date, is skipped.
Hyperparameters are texts in <base>/input/config/hyperparameters.json.  <base> is SAGEMAKER_BASE_DIR, /opt/ml
unless set."""
EPILOGUE: Final = """\
exit codes:
{exit_codes}

hyperparameters:

{hyperparameters}

environment variables:
{variables}"""


def train(paths: Paths, settings: TrainSettings, stop: StopRequest | None = None) -> int:
    """Run the job until it is done or `stop` asks, write summary and report, and return the exit code.

    Raises `TrainingError`, after all that, where too few customers have a model.
    """
    stop = stop or StopRequest()
    result = run_job(paths, settings, stopped=stop.is_made)
    figures = figures_of(result)
    write_atomically(paths.model / "summary.json", json.dumps(figures, indent=2).encode() + b"\n")
    page = report_page(paths, result, settings, figures)
    write_atomically(paths.output_data / "report.html", page.encode("utf-8", "replace"))
    log_metrics(figures)
    if not result.is_complete:
        done, total = result.tally.customers, len(result.customers)
        logger.warning(
            "stopped: %d of %d customers are done; run the same command again for the others", done, total
        )
        return code_of_signal(stop.signal).number
    check_shares(result.tally, settings)
    return DONE.number


def _train_on_hosts(paths: Paths, host: Host, settings: TrainSettings) -> int:
    """Run the job on this host, or on all hosts as one Ray cluster; return the exit code of this host."""
    stop = StopRequest.on_signals()
    choice = choose(settings, host, os.environ)
    if choice.name == "local" or host.hosts == 1:
        return train(paths, settings, stop)
    return run_on_cluster(
        host,
        lambda _: train(paths, settings, stop),
        stop=stop,
        failed=partial(write_failure, os.environ),
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which has no options but `--help`."""
    return argparse.ArgumentParser(
        prog="fleetcast train",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(
            exit_codes=help_of_exit_codes(),
            hyperparameters=hyperparameters.help_of_all(),
            variables=help_text((*COMMON, *VARIABLES)),
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main() -> int:
    """Run the program and return its exit code; the reason of a failure goes to `/opt/ml/output/failure`."""
    parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)
        host = Host.from_files(paths)
        try:
            return _train_on_hosts(paths, host, TrainSettings.from_files(paths, host))
        except TreeInUseError as error:
            logger.error("%s", error)  # noqa: TRY400 -- output/failure is the other training's
            return FAILED.number

    return run(program, failed=write_failure)
