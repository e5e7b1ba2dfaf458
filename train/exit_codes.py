"""How a training job ends: its exit codes, and when too few customers have a model for success."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from container import Paths, quoted
from fleetcast.command import EXIT_INTERRUPTED, EXIT_USAGE
from fleetcast.errors import FleetcastError
from train.settings import TrainSettings
from train.tally import Tally


class TrainingError(FleetcastError):
    """More customers have no model, or only a naive forecast, than the hyperparameters allow."""


@dataclass(frozen=True, slots=True)
class ExitCode:
    """A number that `fleetcast train` ends with, and what it means."""

    number: int
    meaning: str


DONE: Final = ExitCode(0, "done: every customer has an outcome, and few enough failed")
FAILED: Final = ExitCode(1, "failed: the last log line and `output/failure` have the reason")
USAGE: Final = ExitCode(EXIT_USAGE, "an unknown option, or a package is missing that the program needs")
INTERRUPTED: Final = ExitCode(
    EXIT_INTERRUPTED, "stopped by Ctrl-C; all that was done is written, and the same command continues"
)
TERMINATED: Final = ExitCode(
    128 + signal.SIGTERM, "stopped by SIGTERM; all that was done is written, and the same command continues"
)
MOST_FAILURE_CHARACTERS: Final = 1024
"""Of `output/failure`; SageMaker shows no more."""
EXIT_CODES: Final = (DONE, FAILED, USAGE, INTERRUPTED, TERMINATED)


def code_of_signal(number: int) -> ExitCode:
    """Return the exit code after SIGINT or SIGTERM."""
    return INTERRUPTED if number == signal.SIGINT else TERMINATED


def check_shares(tally: Tally, settings: TrainSettings) -> None:
    """Raise `TrainingError` where more customers failed, or only have a naive forecast, than is allowed."""
    if len(tally.failed) > settings.max_failed_fraction * tally.customers:
        first = tally.failed[0]
        raise TrainingError(
            f"{len(tally.failed)} of {tally.customers} customers failed, more than max_failed_fraction = "
            f"{settings.max_failed_fraction:g} allows. The first: {quoted(first.customer)}: {first.reason}"
        )
    if tally.without_engine > settings.max_fallback_fraction * tally.customers:
        customer, reason = tally.fallbacks[0]
        raise TrainingError(
            f"neither Fleetcast nor Prophet could fit {tally.without_engine} of {tally.customers} customers, "
            f"more than max_fallback_fraction = {settings.max_fallback_fraction:g} allows. "
            f"The first fallback: {quoted(customer)}: {reason}"
        )


def write_failure(env: Mapping[str, str], reason: str) -> None:
    """Write why the program failed to `output/failure`, where SageMaker looks for it."""
    failure = Paths.from_env(env).failure
    failure.parent.mkdir(parents=True, exist_ok=True)
    failure.write_text(reason[:MOST_FAILURE_CHARACTERS])


def exit_code_table() -> str:
    """Return the exit codes as a table in Markdown, for the reference page."""
    rows = [f"| {code.number} | {code.meaning} |" for code in EXIT_CODES]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])


def help_of_exit_codes() -> str:
    """Return the exit codes for `fleetcast train --help`."""
    return "\n".join(f"  {code.number:<5}{code.meaning}" for code in EXIT_CODES).replace("`", "")
