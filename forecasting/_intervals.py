"""Quantiles of the forecast: what Prophet estimates from 1,000 random futures, computed without chance.

Prophet's future trend changes its slope at each step with probability p = S d by a Laplace-distributed amount
of scale mean|delta| + 1e-8, where S is the number of changepoints and d the mean spacing of the future t.  For
linear growth the deviation at the h-th step is a multiple of V_h (forecasting/_inversion.py), to which the
forecast adds noise; for flat growth there is noise alone; logistic growth bends V_h
(forecasting/_logistic_intervals.py).
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from forecasting._errors import FutureError
from forecasting._future_trend import SlopeChanges, Steps, steps_to
from forecasting._inversion import jump_variance, standard_quantiles
from forecasting._logistic_intervals import logistic_deviations
from forecasting._problem import Growth, Matrix, Parameters, Vector

_DENSE: Final = 16
"""Up to this many steps each one is computed when features multiply the trend."""
_MIDDLE: Final = 0.6
_TINY: Final = 1e-300


def forecast_quantiles(
    probabilities: Sequence[float],
    *,
    growth: Growth,
    parameters: Parameters,
    t_change: Vector,
    y_scale: float,
    rows: int,
    t: Vector,
    yhat: Vector,
    trend: Vector,
    multiplicative_terms: Vector,
    additive_terms: Vector,  # noqa: ARG001 - the forecast's parts are handed over whole
    cap: Vector | None,
    floor: Vector,  # noqa: ARG001 - as above
) -> tuple[Matrix, Matrix]:
    """Return the quantiles of yhat and of the trend, each of shape (Q, n) and in units of y.

    `probabilities` (Q,) lie strictly between 0 and 1, in any order.  `t` (n,) is Prophet's scaled time,
    ascending; rows with t <= 1 are history, where the trend is certain.  `rows` counts the history's rows:
    their mean spacing stands in when there is only one future row.  `yhat`, `trend` and
    `multiplicative_terms` (n,) are the forecast; `cap` (n,) is the scaled capacity of logistic growth.

    Raises FutureError for a probability outside (0, 1).  The result depends on the arguments alone.
    """
    for probability in probabilities:
        if not 0.0 < probability < 1.0:
            raise FutureError(f"quantiles must be numbers between 0 and 1, not {probability!r}")
    noise = parameters.sigma_obs * y_scale
    normal = np.array([NormalDist().inv_cdf(probability) for probability in probabilities])
    yhat_quantiles = yhat + noise * normal[:, None]
    trend_quantiles = np.repeat(trend[None, :], len(normal), axis=0)
    first = int(np.searchsorted(t, 1.0, side="right"))
    if growth == "flat" or first == len(t):
        return yhat_quantiles, trend_quantiles
    changes = SlopeChanges.after(parameters, t_change, t=t[first:], rows=rows)
    if changes.probability <= 0.0:
        return yhat_quantiles, trend_quantiles
    factor = 1.0 + multiplicative_terms[first:]
    if cap is None:
        size = changes.size * changes.spacing * y_scale
        of_yhat, of_trend = _linear(
            probabilities, change_probability=changes.probability, size=size, noise=noise, factor=factor
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
    yhat_quantiles[:, first:] = yhat[first:] + of_yhat
    trend_quantiles[:, first:] += of_trend
    return yhat_quantiles, trend_quantiles


def _linear(
    probabilities: Sequence[float], *, change_probability: float, size: float, noise: float, factor: Vector
) -> tuple[Matrix, Matrix]:
    """Return the quantiles' distances from yhat and from the trend, each of shape (Q, H).

    The trend's deviation is size V_h; yhat's is `factor` times that plus Gaussian noise.  Both are symmetric,
    so that a quantile is a half-width and a side.
    """
    half = [round(abs(2.0 * probability - 1.0), 12) for probability in probabilities]
    widths = sorted(set(half))
    squares = factor * factor
    steps = steps_to(len(factor), every=len(factor) <= _DENSE and np.ptp(squares) > 0.0)
    of_trend = size * size * jump_variance(steps.every, change_probability)
    of_yhat = squares * of_trend + noise * noise
    z_yhat, z_trend = _standard_half_widths(
        np.array(widths),
        steps=steps,
        change_probability=change_probability,
        jumps=size * size * jump_variance(steps.nodes, change_probability),
        noise=noise * noise,
        squares=squares,
        shares=squares * of_trend / np.maximum(of_yhat, _TINY),
    )
    places = [widths.index(width) for width in half]
    signs = np.sign(np.array(probabilities) - 0.5)[:, None]
    around_yhat = np.maximum.accumulate(z_yhat * np.sqrt(of_yhat), axis=0)[places]
    around_trend = np.maximum.accumulate(z_trend * np.sqrt(of_trend), axis=0)[places]
    return signs * around_yhat, signs * around_trend


def _standard_half_widths(
    widths: Vector,
    *,
    steps: Steps,
    change_probability: float,
    jumps: Vector,
    noise: float,
    squares: Vector,
    shares: Vector,
) -> tuple[Matrix, Matrix]:
    """Return the half-widths of yhat and of the trend in standard deviations, each of shape (W, H).

    `jumps` (M,) is the variance of the trend at the nodes, `noise` that of the noise; `squares` (H,) is the
    square of what multiplies the trend, and `shares` (H,) the trend's part of yhat's variance.

    At a node the half-width depends on the share s alone, and as z0 + A s^2 + B s^3 to a good approximation
    (kurtosis goes with s^2; without jumps it is the Gaussian's z0).  A and B come from two shares, the largest
    and a middle one; with one share for all, or with nodes everywhere, nothing is approximated.
    """
    everywhere = len(steps.nodes) == len(squares)
    jumps = jumps * (squares if everywhere else squares.max())
    top = jumps / np.maximum(jumps + noise, _TINY)
    plain = everywhere or np.ptp(squares) == 0.0
    rows = [np.ones_like(top), top] if plain else [np.ones_like(top), top, _MIDDLE * top]
    z = standard_quantiles(
        steps.nodes, np.array(rows), change_probability=change_probability, widths=widths[:, None, None]
    )
    z = steps.interpolate(z)
    if plain:
        return z[:, 1], z[:, 0]
    z0 = np.array([NormalDist().inv_cdf(0.5 + 0.5 * width) for width in widths])[:, None]
    s = shares / np.maximum(np.interp(steps.log_every, steps.log_nodes, top), _TINY)
    at_top = z[:, 1] - z0
    at_middle = (z[:, 2] - z0) / _MIDDLE**2
    cubic = (at_top - at_middle) / (1.0 - _MIDDLE)
    return z0 + s * s * (at_top - cubic * (1.0 - s)), z[:, 0]
