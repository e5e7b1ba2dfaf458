"""Quantiles of forecasts with a linear trend, for any number of models over the same number of steps.

The trend's deviation at the h-th step is size * spacing * y_scale * V_h (`characteristic_function`); that of
yhat is the features' factor times as much, plus Gaussian noise.  Both are symmetric, so that a quantile is a
half-width and a sign.  C models, H steps, Q quantiles of W different half-widths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.predict.characteristic_function import Cube, standard_quantiles
from fleetcast.forecasting.predict.future_trend import SlopeChanges, Steps, steps_to

_DENSE: Final = 16
"""Number of steps up to which every step is a node if features multiply the trend."""
_MIDDLE: Final = 0.6
"""The second share at which half-widths are computed, relative to the largest."""
_TINY: Final = 1e-300
"""Replaces a divisor of 0."""
_WIDEST: Final = 1.0 - 1e-12
"""Largest width of a central interval; wider ones are computed as this."""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, eq=False)
class LinearFutures:
    """The quantities that determine the deviations of C models."""

    change_probability: Vector
    """Probability of a change of slope in each step, shape (C,)."""
    unit: Vector
    """Variance of the trend at the h-th step divided by Var V_h / p, shape (C,), in squared units of y."""
    noise: Vector
    """Variance of the noise, shape (C,), in squared units of y."""
    squares: Matrix
    """Square of the factor of the trend, shape (C, H)."""

    @classmethod
    def of(cls, changes: Sequence[SlopeChanges], *, y_scale: Vector, noise: Vector, factor: Matrix) -> Self:
        """Return the quantities of C models.

        `y_scale` and `noise`, a standard deviation in units of y, are of shape (C,); `factor`, shape (C, H),
        multiplies the trend.

        One model and many use the same expressions, so that no digit depends on the other models.
        """
        probability = np.array([change.probability for change in changes])
        size = np.array([change.size for change in changes])
        size = size * np.array([change.spacing for change in changes])
        size *= y_scale
        return cls(probability, size * size * probability, noise * noise, factor * factor)

    def __getitem__(self, models: NDArray[np.intp]) -> "LinearFutures":
        """Return the quantities of some of the models."""
        arrays = self.change_probability, self.unit, self.noise, self.squares
        return LinearFutures(*(array[models] for array in arrays))


def linear_deviations(
    probabilities: Sequence[float], futures: LinearFutures, *, of_trend: bool
) -> tuple[Cube, Cube]:
    """Return the distances of quantiles from yhat and from the trend, shape (C, Q, H) each, in units of y.

    The second is empty unless `of_trend`.  The result of a model does not depend on the other models.
    """
    several = futures.squares.min(axis=1) < futures.squares.max(axis=1)
    if several.all() or not several.any():
        return _deviations(probabilities, futures, several=bool(several[0]), of_trend=of_trend)
    steps = futures.squares.shape[1]
    around_yhat = np.empty((len(several), len(probabilities), steps))
    around_trend = np.empty((len(several), len(probabilities) if of_trend else 0, steps))
    for flag in (True, False):
        models = np.flatnonzero(several == flag)
        around_yhat[models], around_trend[models] = _deviations(
            probabilities, futures[models], several=flag, of_trend=of_trend
        )
    return around_yhat, around_trend


def _deviations(
    probabilities: Sequence[float], futures: LinearFutures, *, several: bool, of_trend: bool
) -> tuple[Cube, Cube]:
    """Return the distances for models of which all or none have `several` factors of the trend."""
    half = [min(round(abs(2.0 * probability - 1.0), 12), _WIDEST) for probability in probabilities]
    widths = sorted(set(half))
    length = futures.squares.shape[1]
    steps = steps_to(length, every=several and length <= _DENSE)
    half_widths = _several_factors if several and len(steps.nodes) < length else _one_factor
    z_yhat, z_trend = half_widths(np.array(widths), futures, steps=steps, of_trend=of_trend)
    trend = futures.unit[:, None] * steps.jump_variance
    signs = np.array([math.copysign(1.0, probability - 0.5) for probability in probabilities])[:, None, None]

    def both_sides(half_width: Cube) -> Cube:
        if len(widths) > 1:
            half_width = np.maximum.accumulate(half_width, axis=0)[[widths.index(width) for width in half]]
        return np.swapaxes(signs * half_width, 0, 1)

    around_yhat = both_sides(z_yhat * np.sqrt(futures.squares * trend + futures.noise[:, None]))
    around_trend = both_sides(z_trend * np.sqrt(trend)) if of_trend else around_yhat[:, :0]
    return around_yhat, around_trend


def _one_factor(widths: Vector, futures: LinearFutures, *, steps: Steps, of_trend: bool) -> tuple[Cube, Cube]:
    """Return the half-widths of yhat and of the trend in standard deviations, shape (W, C, H) each.

    The variance of yhat at the h-th step is jumps + noise.  Each model has one factor, or every step is a
    node.
    """
    jumps = (futures.unit[:, None] * futures.squares)[:, : len(steps.nodes)] * steps.node_jump_variance
    return _quantiles(widths, [_share(jumps, futures)], futures, steps=steps, of_trend=of_trend)


def _several_factors(
    widths: Vector, futures: LinearFutures, *, steps: Steps, of_trend: bool
) -> tuple[Cube, Cube]:
    """Return the half-widths, as `_one_factor`, for models whose factor differs between steps.

    At one step the half-width depends only on the trend's share s of yhat's variance.  Without jumps it is
    the Gaussian's z0, and jumps add a term of order s^2, as kurtosis does.  So z = z0 + s^2 (a + b s) is
    interpolated between the largest share of each step and a middle one.
    """
    unit, noise = futures.unit[:, None] * futures.squares, futures.noise[:, None]
    highest = unit.max(axis=1, keepdims=True)
    largest = _share(highest * steps.node_jump_variance, futures)
    at_shares, z_trend = _quantiles(
        widths, [largest, _MIDDLE * largest], futures, steps=steps, of_trend=of_trend
    )
    z0 = np.array([_NORMAL.inv_cdf(0.5 + 0.5 * width) for width in widths])[:, None, None]
    models = len(unit)
    at_largest, at_middle = at_shares[:, :models] - z0, (at_shares[:, models:] - z0) / _MIDDLE**2
    slope = (at_largest - at_middle) / (1.0 - _MIDDLE)

    jumps, most = unit * steps.jump_variance, highest * steps.jump_variance
    s = (jumps / np.maximum(most, _TINY)) * ((most + noise) / np.maximum(jumps + noise, _TINY))
    return z0 + s * s * (at_largest - slope * (1.0 - s)), z_trend


def _share(jumps: Matrix, futures: LinearFutures) -> Matrix:
    """Return the trend's share of yhat's variance."""
    share: Matrix = jumps / np.maximum(jumps + futures.noise[:, None], _TINY)
    return share


def _quantiles(
    widths: Vector, shares: list[Matrix], futures: LinearFutures, *, steps: Steps, of_trend: bool
) -> tuple[Cube, Cube]:
    """Return the half-widths at each of the shares, (C, M), one after the other, and those of the trend."""
    all_shares = [*shares, *([np.ones_like(shares[0])] if of_trend else [])]
    z = steps.interpolate(
        standard_quantiles(
            steps.nodes,
            np.concatenate(all_shares),
            change_probability=np.tile(futures.change_probability, len(all_shares)),
            widths=widths[:, None, None],
        )
    )
    first = sum(map(len, shares))
    return z[:, :first], z[:, first:]
