"""Successive halving: many configurations on a few customers, then the better ones on more customers.

The customers of a round are among those of the next, and all configurations of a round are compared with the
job's own settings on the same customers, so that what makes one customer harder than another cancels out.

Jamieson and Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter optimization",
Proceedings of AISTATS.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np

from fleetcast.forecasting.arrays import Vector

KEPT: Final = 3
"""One of this many configurations goes on to the next round, which has this many times the customers."""
LEAST_CUSTOMERS: Final = 8
"""Fewest customers of a round, where there are so many."""
LEAST_CONFIGURATIONS: Final = 12
"""Rather than trying fewer, a small budget compares them on fewer customers."""
STANDARD_ERRORS: Final = 2.0
"""A configuration replaces the job's own settings only if it is better by this many standard errors."""
SMALLEST_ERROR: Final = 1e-6
MOST_LOG_RATIO: Final = math.log(10)
"""Bound of the logarithm of a ratio of errors, so that one customer does not decide for a fleet."""

Errors: TypeAlias = Mapping[str, Mapping[int, Sequence[float]]]
"""By customer and configuration the error at each cut-off, in units of the naive error or of |y|."""


@dataclass(frozen=True, slots=True)
class Round:
    """How many configurations, besides the job's own settings, are tried on how many customers."""

    configurations: int
    customers: int


@dataclass(frozen=True, slots=True)
class Tried:
    """A round, as far as it was completed."""

    customers: tuple[str, ...]
    configurations: tuple[int, ...]
    """In ascending order of their error; 0, the job's own settings, is among them."""
    errors: Errors


@dataclass(frozen=True, slots=True)
class Judged:
    """How one choice did against another, on readings that neither has seen."""

    customers: int
    gain: float
    """1 - the geometric mean of the ratios of the customers' errors: 0.1 is 10 % less error."""
    standard_error: float
    """Of the mean logarithm of these ratios; NaN for one customer."""
    share_better: float
    """Share of the customers that err less."""
    before: float
    """Mean error of the customers with the other choice, in the metric's unit."""
    after: float
    """The same with this choice."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> Self:
        """Return the comparison of at least one pair of errors: with the other choice, and with this one."""
        before, after = np.array(pairs, np.float64).T
        ratios = np.log(np.maximum(after, SMALLEST_ERROR)) - np.log(np.maximum(before, SMALLEST_ERROR))
        ratios = np.clip(ratios, -MOST_LOG_RATIO, MOST_LOG_RATIO)
        spread = float(ratios.std(ddof=1)) / math.sqrt(ratios.size) if ratios.size > 1 else math.nan
        return cls(
            customers=int(ratios.size),
            gain=-math.expm1(float(ratios.mean())),
            standard_error=spread,
            share_better=float((after < before).mean()),
            before=float(before.mean()),
            after=float(after.mean()),
        )


def plan(configurations: int, customers: int) -> list[Round]:
    """Return the rounds, the last one on all customers."""
    sizes = [customers]
    while sizes[0] >= KEPT * LEAST_CUSTOMERS and len(sizes) < configurations:
        sizes.insert(0, math.ceil(sizes[0] / KEPT))
    return [Round(math.ceil(configurations / KEPT**i), size) for i, size in enumerate(sizes)]


def evaluations(rounds: Sequence[Round]) -> int:
    """Return how many pairs of a configuration, besides the job's own, and a customer are evaluated."""
    total = before = 0
    for each in rounds:
        total += each.configurations * (each.customers - before)
        before = each.customers
    return total


def affordable(most: int, *, configurations: int, customers: int) -> list[Round]:
    """Return the rounds of at most so many configurations and customers that need at most `most` evaluations.

    The customers are halved before there are fewer than `LEAST_CONFIGURATIONS`, and these before there are
    fewer than `LEAST_CUSTOMERS`.  Where not even that is affordable, the smallest plan is returned.
    """
    least = min(configurations, LEAST_CONFIGURATIONS)
    while True:
        for number in range(configurations, least - 1, -1):
            if evaluations(rounds := plan(number, customers)) <= most:
                return rounds
        if customers <= LEAST_CUSTOMERS:
            return rounds
        customers = max(customers // 2, LEAST_CUSTOMERS)


def log_ratios(errors: Errors, customers: Sequence[str], configuration: int, *, to: int = 0) -> Vector:
    """Return the logarithm of each customer's error with a configuration, in units of that with another."""
    means = [[float(np.mean(errors[name][number])) for number in (configuration, to)] for name in customers]
    logs = np.log(np.maximum(np.array(means).reshape(-1, 2), SMALLEST_ERROR))
    return np.asarray(np.clip(logs[:, 0] - logs[:, 1], -MOST_LOG_RATIO, MOST_LOG_RATIO))


def ranked(errors: Errors, customers: Sequence[str], configurations: Sequence[int]) -> list[int]:
    """Return the configurations in ascending order of their mean logarithmic error; ties by number."""
    scores = {number: float(log_ratios(errors, customers, number).mean()) for number in configurations}
    return sorted(configurations, key=lambda number: (round(scores[number], 12), number))


def is_better(errors: Errors, customers: Sequence[str], configuration: int) -> bool:
    """Return whether a configuration is better than the job's own settings by more than chance explains.

    The mean logarithm of the ratio of their errors must be below 0 by `STANDARD_ERRORS` standard errors: over
    customers, or over all cut-offs where there are fewer than `LEAST_CUSTOMERS`.
    """
    ratios = log_ratios(errors, customers, configuration)
    if len(customers) < LEAST_CUSTOMERS:
        pairs = [(errors[name][configuration], errors[name][0]) for name in customers]
        logs = (
            np.log(np.maximum(np.concatenate(pairs, axis=1), SMALLEST_ERROR)) if pairs else np.empty((2, 0))
        )
        ratios = np.clip(logs[0] - logs[1], -MOST_LOG_RATIO, MOST_LOG_RATIO)
    if ratios.size < 2:  # noqa: PLR2004 - a spread needs two
        return False
    error = float(ratios.std(ddof=1)) / math.sqrt(ratios.size)
    return float(ratios.mean()) < -STANDARD_ERRORS * error
