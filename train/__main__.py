"""The program `train`: one folder per customer -> one archive per customer."""

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence

from archive import remove_unfinished, write_atomically
from container import FleetcastError, Paths, progress, run
from train._channel import find_customers
from train._customer import Failed, Fitted
from train._ledger import write_ledger
from train._pool import fit_all
from train._settings import TrainSettings

logger = logging.getLogger(__name__)

DESCRIPTION = """\
Fit one Prophet model per customer, on all processors.

Reads <base>/input/data/<channel>/<customer>/data.csv (or <channel>/<customer>.csv, .parquet; without a
channel, what `process` wrote) and writes <base>/checkpoints/<customer>.tar.gz, the ledger
<base>/output/data/train.jsonl with a line per customer, and <base>/model/summary.json.
Hyperparameters come from <base>/input/config/hyperparameters.json: Prophet's own argument names, and
max_failed_fraction (default 0.1).  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set."""

MOST_FAILURE_CHARACTERS = 1024


class TooManyFailedError(FleetcastError):
    """More customers failed than the job accepts."""


def train(paths: Paths, settings: TrainSettings) -> None:
    """Run the step; raise `TooManyFailedError` once everything that could be done is done and written."""
    started = time.monotonic()
    customers = find_customers(paths)
    for folder in (paths.checkpoints, paths.model, paths.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(paths.checkpoints)
    outcomes = list(
        progress(
            fit_all(customers, settings=settings, folder=paths.checkpoints),
            total=len(customers),
            doing="train",
        )
    )
    write_ledger(paths, outcomes)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    for outcome in failed[:10]:
        logger.warning("customer %s failed: %s", outcome.customer, outcome.reason)
    _write_summary(paths, outcomes, seconds=time.monotonic() - started)
    if len(failed) > settings.max_failed_fraction * len(outcomes):
        raise TooManyFailedError(
            f"{len(failed)} of {len(outcomes)} customers failed, more than max_failed_fraction = "
            f"{settings.max_failed_fraction:g} allows. The first: {failed[0].customer}: {failed[0].reason}"
        )


def _write_summary(paths: Paths, outcomes: Sequence[Fitted | Failed], *, seconds: float) -> None:
    """Write and log the figures of the job, one `name=value;` each, for SageMaker's metric definitions."""
    failed = sum(isinstance(outcome, Failed) for outcome in outcomes)
    figures = {
        "customers_ok": len(outcomes) - failed,
        "customers_failed": failed,
        "seconds": round(seconds, 3),
        "models_per_second": round((len(outcomes) - failed) / seconds, 1),
    }
    content = ", ".join(f'"{name}": {value}' for name, value in figures.items())
    write_atomically(paths.model / "summary.json", f"{{{content}}}\n".encode())
    logger.info(" ".join(f"{name}={value};" for name, value in figures.items()))


def main() -> int:
    """Run the program and return its exit code; the reason of a failure goes to `/opt/ml/output/failure`."""
    argparse.ArgumentParser(
        prog="train", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)
        paths.failure.unlink(missing_ok=True)
        train(paths, TrainSettings.from_files(paths))
        return 0

    return run(program, failed=_tell)


def _tell(env: Mapping[str, str], reason: str) -> None:
    failure = Paths.from_env(env).failure
    failure.parent.mkdir(parents=True, exist_ok=True)
    failure.write_text(reason[:MOST_FAILURE_CHARACTERS])


if __name__ == "__main__":
    sys.exit(main())
