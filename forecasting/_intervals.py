"""Quantiles of the forecast: what Prophet estimates from 1,000 random futures, computed without chance.

Prophet's future trend changes its slope at each step with probability p = S d by a Laplace-distributed
amount of scale mean|delta| + 1e-8, where S is the number of changepoints and d the mean spacing of the
future t.  For linear growth the deviation at the h-th step is a multiple of V_h (forecasting/_inversion.py),
to which the forecast adds noise; for flat growth there is noise alone; logistic growth bends V_h
(forecasting/_logistic_intervals.py).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from forecasting._errors import FutureError
from forecasting._future_trend import SlopeChanges, Steps, steps_to
from forecasting._inversion import standard_quantiles
from forecasting._logistic_intervals import logistic_deviations
from forecasting._problem import Growth, Matrix, Parameters, Vector

_DENSE: Final = 16
"""Up to this many steps each one is computed when features multiply the trend."""
_MIDDLE: Final = 0.6
_TINY: Final = 1e-300
_NORMAL: Final = NormalDist()


def deviations(  # noqa: PLR0913 - a forecast has this many parts, all but one by name
    probabilities: Sequence[float],
    *,
    growth: Growth,
    parameters: Parameters,
    t_change: Vector,
    y_scale: float,
    rows: int,
    t: Vector,
    multiplicative_terms: Vector,
    cap: Vector | None,
) -> tuple[Matrix, Matrix]:
    """Return the distances of the quantiles from yhat and from the trend, shape (Q, n), in units of y.

    `probabilities` (Q,) lie strictly between 0 and 1, in any order.  `t` (n,) is Prophet's scaled time,
    ascending; rows with t <= 1 are history, where the trend is certain.  `rows` counts the history's rows:
    their mean spacing stands in when there is only one future row.  `multiplicative_terms` (n,) are the
    forecast's; `cap` (n,) is the scaled capacity of logistic growth.

    Raises FutureError for a probability outside (0, 1).  The result depends on the arguments alone.
    """
    for probability in probabilities:
        if not 0.0 < probability < 1.0:
            raise FutureError(f"quantiles must be numbers between 0 and 1, not {probability!r}")
    noise = parameters.sigma_obs * y_scale
    normal = np.array([[_NORMAL.inv_cdf(probability)] for probability in probabilities])
    around_yhat = np.repeat(noise * normal, len(t), axis=1)
    around_trend = np.zeros_like(around_yhat)
    first = int(np.searchsorted(t, 1.0, side="right"))
    if growth == "flat" or first == len(t):
        return around_yhat, around_trend
    changes = SlopeChanges.after(parameters, t_change, t=t[first:], rows=rows)
    factor = 1.0 + multiplicative_terms[first:]
    if cap is None:
        of_yhat, of_trend = _linear(
            probabilities, changes=changes, y_scale=y_scale, noise=noise, factor=factor
        )
    else:
        of_yhat, of_trend = logistic_deviations(
            probabilities,
            changes=changes,
            parameters=parameters,
            t_change=t_change,
            t=t[first:],
            cap=cap[first:] * y_scale,
            noise=noise,
            factor=factor,
        )
    around_yhat[:, first:] = of_yhat
    around_trend[:, first:] = of_trend
    return around_yhat, around_trend


def _linear(
    probabilities: Sequence[float], *, changes: SlopeChanges, y_scale: float, noise: float, factor: Vector
) -> tuple[Matrix, Matrix]:
    """Return the quantiles' distances from yhat and from the trend, each of shape (Q, H), in units of y.

    The trend's deviation is size * spacing * y_scale * V_h; yhat's is `factor` times that plus Gaussian
    noise.  Both are symmetric, so that a quantile is a half-width and a side.
    """
    unit = (changes.size * changes.spacing * y_scale) ** 2 * changes.probability
    half = [round(abs(2.0 * probability - 1.0), 12) for probability in probabilities]
    widths = sorted(set(half))
    squares = factor * factor
    several = bool(squares.min() < squares.max())
    steps = steps_to(len(factor), every=several and len(factor) <= _DENSE)
    half_widths = _several_factors if several and len(steps.nodes) < len(squares) else _one_factor
    z_yhat, z_trend = half_widths(
        np.array(widths),
        steps=steps,
        change_probability=changes.probability,
        squares=unit * squares,
        noise=noise * noise,
    )
    of_trend = unit * steps.jump_variance
    around_yhat = z_yhat * np.sqrt(squares * of_trend + noise * noise)
    around_trend = z_trend * np.sqrt(of_trend)
    signs = np.array([[math.copysign(1.0, probability - 0.5)] for probability in probabilities])
    if len(widths) > 1:
        places = [widths.index(width) for width in half]
        around_yhat = np.maximum.accumulate(around_yhat, axis=0)[places]
        around_trend = np.maximum.accumulate(around_trend, axis=0)[places]
    return signs * around_yhat, signs * around_trend


def _one_factor(
    widths: Vector, *, steps: Steps, change_probability: float, squares: Vector, noise: float
) -> tuple[Matrix, Matrix]:
    """Return the half-widths of yhat and of the trend in standard deviations, each of shape (W, H).

    yhat's variance at the h-th step is squares[h - 1] Var V_h / p + noise.  The squares are all the same,
    or every step is a node.
    """
    jumps = squares[: len(steps.nodes)] * steps.node_jump_variance
    shares = np.ones((2, len(jumps)))
    np.divide(jumps, np.maximum(jumps + noise, _TINY), out=shares[0])
    z = standard_quantiles(
        steps.nodes, shares, change_probability=change_probability, widths=widths[:, None, None]
    )
    z = steps.interpolate(z)
    return z[:, 0], z[:, 1]


def _several_factors(
    widths: Vector, *, steps: Steps, change_probability: float, squares: Vector, noise: float
) -> tuple[Matrix, Matrix]:
    """Return the same for squares that differ.

    At one step the half-width depends on the trend's share s of yhat's variance alone; without jumps it is
    the Gaussian's z0, and what jumps add begins with s^2, as kurtosis does.  So z = z0 + s^2 (a + b s) is
    drawn through the largest share of each step and a middle one.
    """
    jumps = float(squares.max()) * steps.node_jump_variance
    largest = jumps / np.maximum(jumps + noise, _TINY)
    shares = np.array([largest, _MIDDLE * largest, np.ones_like(largest)])
    z = standard_quantiles(
        steps.nodes, shares, change_probability=change_probability, widths=widths[:, None, None]
    )
    z = steps.interpolate(z)
    z0 = np.array([[_NORMAL.inv_cdf(0.5 + 0.5 * width)] for width in widths])
    at_largest, at_middle = z[:, 0] - z0, (z[:, 1] - z0) / _MIDDLE**2
    slope = (at_largest - at_middle) / (1.0 - _MIDDLE)

    jumps = squares * steps.jump_variance
    most = float(squares.max()) * steps.jump_variance
    s = (jumps / np.maximum(most, _TINY)) * ((most + noise) / np.maximum(jumps + noise, _TINY))
    return z0 + s * s * (at_largest - slope * (1.0 - s)), z[:, 2]
