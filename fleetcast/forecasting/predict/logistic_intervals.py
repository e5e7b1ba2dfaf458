"""Quantiles of a logistic forecast, whose trend is cap expit(z(t) + random part).

Prophet draws the slope changes X_i at the future times t_i, spreads each over t_i and t_{i+1} in equal
halves, and continues the trend without a jump, so that the exponent at t_h deviates by

    U_h = sum over i < h of  X_i (t_h - (t_i + t_{i+1}) / 2).

With even spacing d, U_h = d V_{h-1} (`characteristic_function`); otherwise it is approximated by a multiple
of V_{h-1} with the same variance.  The trend is an increasing function of U_h, so that its quantiles are
that function of the quantiles of U_h; yhat is a mixture of Gaussians over a fixed set of points of U_h.  As
in Prophet, deviations of the trend are taken from their mean.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.predict.characteristic_function import standard_quantiles, two_sided_normal
from fleetcast.forecasting.predict.future_trend import SlopeChanges, steps_to

_LEGENDRE, _LEGENDRE_WEIGHTS = np.polynomial.legendre.leggauss(20)
# Probabilities P(|U| <= u | U != 0), denser towards 1: 1 - (1 - x)^2 at Legendre's x in (0, 1).
_CENTRED: Final = 0.25 * (1.0 - _LEGENDRE) ** 2
_POINTS: Final = 1.0 - _CENTRED
_WEIGHTS: Final = 0.5 * (1.0 - _LEGENDRE) * _LEGENDRE_WEIGHTS
_SMOOTHING: Final = 0.4
"""Smallest width of a point's Gaussian in distances between points; noise below it is smoothed."""
_ITERATIONS: Final = 40
"""Most steps of the search for a quantile."""
_LARGEST_EXPONENT: Final = 700.0
"""Limit of the exponent, beyond which the trend is practically 0."""
_TOLERANCE: Final = 1e-6
"""Accuracy of a quantile in widths of a Gaussian."""
_LEAST: Final = 1e-12
"""Smallest distance of a probability from 0 and 1 in the search."""
_DENSITY_AT_0: Final = 1.0 / math.sqrt(2.0 * math.pi)
_TINY: Final = 1e-150
_NORMAL: Final = NormalDist()


def logistic_deviations(  # noqa: PLR0913 - the parts of a forecast, all but one by name
    probabilities: Sequence[float],
    *,
    changes: SlopeChanges,
    parameters: Parameters,
    t_change: Vector,
    t: Vector,
    cap: Vector,
    noise: float,
    factor: Vector,
) -> tuple[Matrix, Matrix]:
    """Return the distances of the quantiles from yhat and from the trend, shape (Q, H) each, in units of y.

    `t`, shape (H,), are the future times, scaled and ascending; `cap`, shape (H,), and `noise`, a standard
    deviation, are in units of y; `factor`, shape (H,), multiplies the trend.
    """
    exponent = _exponent(t, parameters, t_change, spacing=changes.spacing)
    deviation = changes.size * _deviation(t, changes.probability)
    unchanged = (1.0 - changes.probability) ** np.arange(len(t))
    central = np.array([abs(2.0 * probability - 1.0) for probability in probabilities])
    sides = np.sign(np.array(probabilities) - 0.5)[:, None]
    quantiles = sides * deviation * _quantiles(central, len(t), changes.probability, changed_only=False)
    points = deviation * _quantiles(_POINTS, len(t), changes.probability, changed_only=True)

    trends = _logistic(exponent + np.concatenate([-points[::-1], np.zeros((1, len(t))), points]), cap)
    half = 0.5 * np.multiply.outer(_WEIGHTS, 1.0 - unchanged)
    weights = np.concatenate([half[::-1], unchanged[None], half])
    mean = np.einsum("ij,ij->j", weights, trends)
    of_trend = _logistic(exponent + quantiles, cap) - mean
    of_yhat = _mixture_quantiles(probabilities, np.abs(factor) * (trends - mean), weights, noise=noise)
    order = np.argsort(probabilities, kind="stable")
    return _increasing(of_yhat, order), _increasing(of_trend, order)


def _increasing(quantiles: Matrix, order: NDArray[np.intp]) -> Matrix:
    """Return the quantiles without the decreases, with the probability, that rounding can leave."""
    increasing = np.empty_like(quantiles)
    increasing[order] = np.maximum.accumulate(quantiles[order], axis=0)
    return increasing


def _logistic(exponent: Matrix, cap: Vector) -> Matrix:
    """Return the trend cap expit(exponent)."""
    trend: Matrix = cap / (1.0 + np.exp(np.minimum(-exponent, _LARGEST_EXPONENT)))
    return trend


def _exponent(t: Vector, parameters: Parameters, t_change: Vector, *, spacing: float) -> Vector:
    """Return z(t) of Prophet's simulation, shape (H,).

    The simulation moves each changepoint to the next multiple of the future spacing, and drops all but the
    last of those on one multiple.
    """
    times = t_change
    delta = parameters.delta
    if spacing > 0.0:
        multiples = np.floor(t_change / spacing) + 1.0
        last = np.diff(multiples, append=np.inf) > 0.0
        times, delta = multiples[last] * spacing, delta[last]
    hinges = np.maximum(t - times[:, None], 0.0)
    exponent: Vector = parameters.k * (t - parameters.m) + delta @ hinges
    return exponent


def _deviation(t: Vector, p: float) -> Vector:
    """Return the standard deviation of U_h for changes of size 1, shape (H,); zero at the first step."""
    since = t - t[0]
    middles = 0.5 * (since[1:] + since[:-1])
    count = np.arange(float(len(t)))
    sums = np.concatenate([[0.0], np.cumsum(middles)])
    squares = np.concatenate([[0.0], np.cumsum(middles * middles)])
    spread = count * since * since - 2.0 * since * sums + squares
    deviation: Vector = np.sqrt(2.0 * p * np.maximum(spread, 0.0))
    return deviation


def _quantiles(widths: Vector, horizon: int, p: float, *, changed_only: bool) -> Matrix:
    """Return x with P(|V_{h-1}| <= x) = width in standard deviations of V_{h-1}, shape (W, H).

    If `changed_only`, the probability is conditional on V_{h-1} != 0.
    """
    z = np.zeros((len(widths), horizon))
    if horizon > 1:
        steps = steps_to(horizon - 1)
        levels = widths[:, None, None]
        if changed_only:
            unchanged = (1.0 - p) ** steps.nodes
            levels = unchanged + (1.0 - unchanged) * levels
        shares = np.ones((1, len(steps.nodes)))
        z[:, 1:] = steps.interpolate(
            standard_quantiles(steps.nodes, shares, change_probability=np.array([p]), widths=levels)
        )[:, 0]
    return z


def _mixture_quantiles(
    probabilities: Sequence[float], points: Matrix, weights: Matrix, *, noise: float
) -> Matrix:
    """Return the quantiles of a mixture of Gaussians at ascending points, (P, H), with weights, (P, H).

    The result is of shape (Q, H).  Newton's method is applied to the log odds, which are nearly linear where
    the probability itself is flat; a step that leaves the bracket is replaced by bisection.
    """
    widths = _widths(points, noise)
    target = np.array([[probability] for probability in probabilities])
    normal = np.array([[_NORMAL.inv_cdf(probability)] for probability in probabilities])
    x: Matrix = normal * np.sqrt(np.einsum("ij,ij->j", weights, points * points + widths * widths))
    margin = (np.abs(normal).max() + 1.0) * widths.max(axis=0)
    low, high = points[0] - margin, points[-1] + margin
    tolerance = _TOLERANCE * widths.min(axis=0)
    for _ in range(_ITERATIONS):
        z = (x[:, None] - points) / widths
        reached = 0.5 + 0.5 * np.einsum("ij,qij->qj", weights, np.copysign(two_sided_normal(np.abs(z)), z))
        density = _DENSITY_AT_0 * np.einsum("ij,qij->qj", weights / widths, np.exp(-0.5 * z * z))
        low, high = np.where(reached < target, x, low), np.where(reached < target, high, x)
        reached = np.minimum(np.maximum(reached, _LEAST), 1.0 - _LEAST)
        odds = np.log(target / (1.0 - target) * (1.0 - reached) / reached)
        step = odds * reached * (1.0 - reached) / np.maximum(density, _TINY)
        is_settled = np.abs(step) <= tolerance
        x = x + step
        x = np.where(is_settled | ((x > low) & (x < high)), x, 0.5 * (low + high))
        if is_settled.all():
            break
    return x


def _widths(points: Matrix, noise: float) -> Matrix:
    """Return the width of each point's Gaussian: the noise, or more if the points are far apart."""
    gaps = np.zeros((len(points) + 1, points.shape[1]))
    np.subtract(points[1:], points[:-1], out=gaps[1:-1])
    between = 0.5 * _SMOOTHING * (gaps[1:] + gaps[:-1])
    widths: Matrix = np.maximum(between, max(noise, _TINY))
    return widths
