"""The figures of a job, each declared once: name, meaning and how it is computed.

They are logged as one line of `name=value;` pairs for SageMaker's metric definitions, and written to
`summary.json`; the report and the reference list them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from train.customer import STATUSES
from train.job import JobResult


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that describes a whole job."""

    name: str
    meaning: str
    value: Callable[[JobResult], int | float | None]
    """Return the number; None where the job has none."""


def _customers(status: str, result: JobResult) -> int:
    return result.tally.statuses[status]


def _mean_mase(result: JobResult) -> float | None:
    mase = result.tally.mase
    return round(math.fsum(value for value, _ in mase) / len(mase), 6) if mase else None


def _coverage_80(result: JobResult) -> float | None:
    covered = result.tally.comparison.coverage
    return covered[0.8].value if 0.8 in covered else None  # noqa: PLR2004 - the probability in the name


def _incumbents(outcome: str, result: JobResult) -> int | None:
    return result.tally.incumbents[outcome] if result.tally.incumbents else None


def _models_per_second(result: JobResult) -> float:
    tally = result.tally
    return round((tally.customers - len(tally.failed)) / result.seconds, 1)


FIGURES: Final = (
    *(
        Figure(
            f"customers_{status}",
            f"number of customers with the status `{status}`",
            partial(_customers, status),
        )
        for status in STATUSES
    ),
    Figure(
        "mean_mase",
        "mean absolute scaled error over the customers, held out where there is a `holdout`, else of the "
        "backtests where there are some, else in sample; usable as a tuning objective; left out if none was "
        "measured",
        _mean_mase,
    ),
    Figure(
        "mean_backtest_mase",
        "mean absolute scaled error of the customers' forecasts in their backtests, each of weights that the "
        "other backtests chose; usable as a tuning objective; left out without the hyperparameter `models`",
        lambda result: result.tally.comparison.error.value,
    ),
    Figure(
        "share_beating_naive",
        "share of the customers whose forecast errs less than the seasonal naive one in the backtests",
        lambda result: result.tally.comparison.share_beating_naive,
    ),
    Figure(
        "mean_backtest_wape",
        "sum of a customer's absolute errors in its backtests divided by the sum of absolute readings there, "
        "as the mean over the customers; 0.1 is 10 %; usable as a tuning objective",
        lambda result: result.tally.comparison.wape.value,
    ),
    Figure(
        "coverage_80",
        "share of a customer's readings that its 80 % intervals cover in a backtest, with intervals that the "
        "other backtests made, as the mean over the customers; left out unless `intervals` is `calibrated`",
        _coverage_80,
    ),
    Figure(
        "incumbents_kept",
        "number of customers whose methods stayed as an earlier job chose them; left out without "
        "`keep_incumbent`",
        partial(_incumbents, "kept"),
    ),
    Figure(
        "incumbents_replaced",
        "number of customers for whom a new choice of methods replaced an earlier one; left out without "
        "`keep_incumbent`",
        partial(_incumbents, "replaced"),
    ),
    Figure("models_per_second", "customers with a model per second of the job", _models_per_second),
    Figure("seconds", "duration of the job", lambda result: round(result.seconds, 3)),
)
"""All figures, in the order of the log line."""


def figures_of(result: JobResult) -> dict[str, int | float]:
    """Return the figures of a job by name, those that it has."""
    values = {figure.name: figure.value(result) for figure in FIGURES}
    return {name: value for name, value in values.items() if value is not None}


def figure_table() -> str:
    """Return the figures as a table in Markdown, for the reference page."""
    rows = [f"| `{figure.name}` | {figure.meaning} |" for figure in FIGURES]
    return "\n".join(["| metric | meaning |", "| --- | --- |", *rows])
