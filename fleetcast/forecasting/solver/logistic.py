"""Logistic growth in the solver's parameters: z = k t + c + Σ δ (t - s)₊ with c = -k m.

It is Prophet's trend, whose offsets γ only keep it continuous, but linear in its parameters.  The prior of m
becomes (c / k)² / 50, which is not quadratic.
"""

from math import log

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.solver.objective import TREND_PRECISION, Prior

_LEAST_RATE = 0.5
"""Smallest slope of the rising and of the falling start."""


def trend_prior(k: float, c: float, *, exact: bool) -> Prior:
    """Return the prior of (k, c); unless `exact`, its curvature lacks the part that may be negative."""
    m = -c / k
    value = (k * k + m * m) * TREND_PRECISION / 2
    m_by = np.array((-m / k, -1 / k))  # the derivatives of m by k and c
    gradient = np.array((k, 0.0)) + m * m_by
    curvature = np.outer(m_by, m_by)
    curvature[0, 0] += 1
    if exact:
        curvature += m / k**2 * np.array(((2 * m, 1.0), (1.0, 0.0)))
    return Prior(value, TREND_PRECISION * gradient, TREND_PRECISION * curvature)


def trend_starts(t: Vector, y: Vector, cap: Vector) -> list[tuple[float, float]]:
    """Return three starts (k, c): Prophet's own, then a rising and a falling curve through the mean of y."""
    last = int(t.argmax())
    first_odds, last_odds = (_odds_against(float(y[i]), float(cap[i])) for i in (0, last))
    if abs(first_odds - last_odds) <= 0.01:  # noqa: PLR2004 - Prophet's own number
        first_odds = 1.05 * (first_odds + 1) - 1
    k = log(first_odds / last_odds) / float(t[last] - t[0])
    rate = max(abs(k), _LEAST_RATE)
    middle = -log(_odds_against(float(y.mean()), float(cap.mean())))
    return [(k, -log(first_odds)), *((slope, middle - slope / 2) for slope in (rate, -rate))]


def _odds_against(y: float, cap: float) -> float:
    """Return cap / y - 1, with y moved to 1 to 99 % of cap, as in Prophet."""
    return cap / max(0.01 * cap, min(0.99 * cap, y)) - 1
