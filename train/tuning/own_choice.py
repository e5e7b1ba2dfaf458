"""Which customers forecast better with a configuration of their own than with the fleet's.

The smallest of several errors of one customer is partly luck, and choosing by it makes forecasts worse (the
winner's curse).  So each customer's gain, the mean over its cut-offs of the logarithm of the ratio of errors,
is drawn towards the fleet's mean gain by what its spread over the customers leaves after the spread over
cut-offs is taken out: an empirical Bayes estimate.

James and Stein (1961), "Estimation with quadratic loss", Proceedings of the Fourth Berkeley Symposium.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from train.tuning.rounds import LEAST_CUSTOMERS, MOST_LOG_RATIO, SMALLEST_ERROR, STANDARD_ERRORS, Errors

LEAST_CUTOFFS: Final = 3
"""Customers with fewer cut-offs keep the fleet's configuration."""


def own_choices(
    errors: Errors, customers: Sequence[str], configurations: Sequence[int], *, fleet: int, margin: float
) -> dict[str, int]:
    """Return the configuration of each customer that leaves the fleet's, `fleet`.

    It leaves it for the configuration with the largest expected gain, if that is at least the share `margin`
    of its error, and if the configuration errs less at two of every three cut-offs.  Nobody leaves where
    fewer than 8 customers have three cut-offs, as then nothing is known about how much they differ, nor where
    they do not differ by more than chance explains.
    """
    candidates = [name for name in customers if len(errors[name][fleet]) >= LEAST_CUTOFFS]
    others = [number for number in configurations if number != fleet]
    if len(candidates) < LEAST_CUSTOMERS or not others:
        return {}
    expected = np.empty((len(others), len(candidates)))
    wins = np.empty_like(expected, dtype=bool)
    for i, number in enumerate(others):
        gains = [_gains(errors, name, number, fleet) for name in candidates]
        expected[i] = _shrunk(gains)
        wins[i] = [3 * np.count_nonzero(gain > 0) >= 2 * gain.size for gain in gains]
    expected[~wins] = -math.inf
    best = expected.argmax(axis=0)
    least = -math.log1p(-margin) if margin < 1 else math.inf
    return {
        name: others[best[j]]
        for j, name in enumerate(candidates)
        if expected[best[j], j] > 0 and expected[best[j], j] >= least
    }


def _gains(errors: Errors, customer: str, number: int, fleet: int) -> Vector:
    """Return the gain at each cut-off; above 0 where the configuration errs less than the fleet's."""
    pair: Matrix = np.array([errors[customer][fleet], errors[customer][number]])
    logs = np.log(np.maximum(pair, SMALLEST_ERROR))
    return np.asarray(np.clip(logs[0] - logs[1], -MOST_LOG_RATIO, MOST_LOG_RATIO))


def _shrunk(gains: Sequence[Vector]) -> Vector:
    """Return each customer's expected gain, from its gains at its cut-offs and those of all customers.

    It is 0 where customers do not differ by more than chance explains.
    """
    means = np.array([gain.mean() for gain in gains])
    noise = float(np.mean([gain.var(ddof=1) / gain.size for gain in gains]))
    between = float(means.var(ddof=1)) - noise
    if between <= STANDARD_ERRORS * noise * math.sqrt(2 / (means.size - 1)):
        return np.zeros(means.size)
    share = between / (between + noise)
    return np.asarray(means.mean() + share * (means - means.mean()))
