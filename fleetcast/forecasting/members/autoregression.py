"""Ridge regression on earlier readings, rolled forward step by step.

    z[t] = b₀ + Σ b[l] z[t - l],  l among the lags: the last three steps, and one or more seasons ago

The coefficients minimise Σ residual² + ridge · n · Σ b[l]², with z scaled to mean 0 and variance 1.

Hoerl and Kennard (1970), "Ridge regression", Technometrics 12(1); Hyndman and Athanasopoulos (2021),
"Forecasting: principles and practice", 3rd edition, section 9.3.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.members.grid import Grid
from fleetcast.forecasting.members.steps import Seasons

Lags: TypeAlias = NDArray[np.int64]
Paths: TypeAlias = list[Vector | None]
"""The next values after each of several histories, in units of y, shape (horizon,); None where it is too
short."""

_MOST_STEPS: Final = 2200
"""Number of latest steps that a fit uses, or four long seasons if those are more; it bounds the cost."""
_SHORT: Final = 3
"""Lags up to this are single steps; greater lags are a season or more."""
_MOST_BLOCK: Final = 64
"""Most steps of a block in `_rolled`, whose cost grows with the square of a block."""
_ROWS_PER_LAG: Final = 6
"""Rows of the regression per lag; a lag that leaves fewer is not used."""
_LEAST_STEPS: Final = 20
"""Fewest steps that a regression is fitted to."""
_MARGIN: Final = 0.3
"""How far a forecast may leave the range of the readings, as a share of that range."""
_RIDGE: Final = 1e-3
"""The penalty `ridge` of the formula above."""
_RIDGE_OF_RESIDUALS: Final = 1e-2
"""The same penalty for residuals, which have more noise."""
_LENGTHS_OF_LAG: Final = 2.2
"""Residuals are more than this many times as long as a lag that is used."""
_LEAST_ROWS: Final = 30
"""A regression of residuals has more rows than this."""
_MOST_TOGETHER: Final = 32
"""Most series that share their arrays; it bounds the memory where there are many cut-offs."""
_CONSTANT: Final = 1e-12
"""A series whose standard deviation is at most this share of its mean is constant but for roundings."""


@dataclass(frozen=True, slots=True)
class Regression:
    """Series for a regression on their earlier values, and what their next values mean for a forecast."""

    series: Sequence[Vector]
    """One for each history, each of shape (n,)."""
    forecast: Callable[[Paths], Paths]
    """Returns the forecasts of the readings from the next values of the series."""
    are_residuals: bool = False
    """Residuals have the mean 0 and more noise, and their next values tend to 0."""


def autoregression(grids: Sequence[Grid], *, differences: int = 0) -> Regression:
    """Return a regression of the readings; with `differences` above 0, of y[t] - y[t - differences]."""
    histories = [_latest(grid.y, grid.seasons) for grid in grids]
    if not differences:
        return Regression(histories, lambda ahead: ahead)

    def summed(ahead: Paths) -> Paths:
        return [
            None if path is None else _summed(y, path, differences)
            for y, path in zip(histories, ahead, strict=True)
        ]

    return Regression([y[differences:] - y[:-differences] for y in histories], summed)


def autoregression_of_logarithm(grids: Sequence[Grid]) -> Regression:
    """Return a regression of ln y; of y itself where a reading is not above 0."""
    histories = [_latest(grid.y, grid.seasons) for grid in grids]
    are_positive = [bool(y.min() > 0) for y in histories]
    series = [np.log(y) if positive else y for y, positive in zip(histories, are_positive, strict=True)]

    def exponentials(ahead: Paths) -> Paths:
        return [
            np.minimum(np.exp(path), y.max() + _MARGIN * np.ptp(y)) if positive and path is not None else path
            for y, path, positive in zip(histories, ahead, are_positive, strict=True)
        ]

    return Regression(series, exponentials)


def next_values(regressions: Sequence[Regression], seasons: Seasons, horizon: int) -> list[Paths]:
    """Return the forecasts of each regression, one for each of its series.

    Series with the same lags share each call of NumPy, which costs more than the arithmetic.
    """
    forecasts: list[Paths] = [[] for _ in regressions]
    for kind, ahead_of in ((False, _readings_ahead), (True, _residuals_ahead)):
        own = [i for i, regression in enumerate(regressions) if regression.are_residuals is kind]
        series = [_latest(each, seasons) for i in own for each in regressions[i].series]
        ahead = ahead_of(series, seasons, horizon)
        for i in own:
            count = len(regressions[i].series)
            forecasts[i], ahead = regressions[i].forecast(ahead[:count]), ahead[count:]
    return forecasts


def _readings_ahead(series: Sequence[Vector], seasons: Seasons, horizon: int) -> Paths:
    """Return the next values of each series, which do not leave its range by more than a margin."""
    paths: Paths = [None] * len(series)
    for stack in _stacks(series, lambda n: _lags(seasons, n)):
        mean = stack.y.sum(axis=1) / stack.sizes
        z = stack.without_padding(stack.y - mean[:, None])
        scale = np.sqrt((z * z).sum(axis=1) / stack.sizes)
        is_constant = ~(scale > _CONSTANT * np.abs(mean))
        z /= np.where(is_constant, 1.0, scale)[:, None]
        low, high = z.min(axis=1, keepdims=True), z.max(axis=1, keepdims=True)
        margin = _MARGIN * (high - low)
        ahead = _rolled(z, _fitted(z, stack, _RIDGE), stack.lags, horizon)
        ahead = np.clip(ahead, low - margin, high + margin) * scale[:, None] + mean[:, None]
        for i, path, constant in zip(stack.indices, ahead, is_constant.tolist(), strict=True):
            paths[i] = None if constant else path
    return paths


def _residuals_ahead(residuals: Sequence[Vector], seasons: Seasons, horizon: int) -> Paths:
    """Return the next values of each model's residuals, never larger than the largest of them.

    They are 0 where the residuals are too few.
    """
    paths: Paths = [np.zeros(horizon) for _ in residuals]
    for stack in _stacks(residuals, lambda n: _residual_lags(seasons, n)):
        mean = stack.y.sum(axis=1) / stack.sizes
        deviation = stack.without_padding(stack.y - mean[:, None])
        scale = np.sqrt((deviation * deviation).sum(axis=1) / stack.sizes)
        z = stack.y / np.where(scale > 0, scale, 1.0)[:, None]
        coefficients = _fitted(z, stack, _RIDGE_OF_RESIDUALS)
        coefficients[:, 0] = 0.0
        limit = np.abs(z).max(axis=1, keepdims=True)
        ahead = np.clip(_rolled(z, coefficients, stack.lags, horizon), -limit, limit) * scale[:, None]
        for i, path in zip(stack.indices, ahead, strict=True):
            paths[i] = path
    return paths


@dataclass(frozen=True, slots=True)
class _Stack:
    """S series with the same lags."""

    indices: Sequence[int]
    y: Matrix
    """Shape (S, n), each series after zeros up to the common end."""
    sizes: Vector
    """Lengths of the series, shape (S,)."""
    lags: Lags

    def without_padding(self, values: Matrix) -> Matrix:
        """Return the values, in place, with 0 before each series; the last axis is that of the steps."""
        for own, size in zip(values, self.sizes.tolist(), strict=True):
            own[..., : self.y.shape[1] - int(size)] = 0.0
        return values


def _stacks(series: Sequence[Vector], lags_of: Callable[[int], Lags]) -> Iterator[_Stack]:
    """Yield the series that have lags, those with the same lags together, up to 32 at once."""
    alike: dict[bytes, list[int]] = {}
    lags_by_size = {size: lags_of(size) for size in {y.size for y in series}}
    for i, y in enumerate(series):
        if (lags := lags_by_size[y.size]).size:
            alike.setdefault(lags.tobytes(), []).append(i)
    chunks = (
        each[start : start + _MOST_TOGETHER]
        for each in alike.values()
        for start in range(0, len(each), _MOST_TOGETHER)
    )
    for indices in chunks:
        sizes = [series[i].size for i in indices]
        together = np.zeros((len(indices), max(sizes)))
        for row, i in zip(together, indices, strict=True):
            row[row.size - series[i].size :] = series[i]
        yield _Stack(indices, together, np.array(sizes, np.float64), lags_by_size[sizes[0]])


def _latest(y: Vector, seasons: Seasons) -> Vector:
    return y[-max(_MOST_STEPS, 4 * seasons.long) :]


def _lags(seasons: Seasons, n: int) -> Lags:
    """Return the lags for a series of n readings, empty if they are too few."""
    short, long = seasons.short, seasons.long
    if n < _LEAST_STEPS:
        return np.empty(0, np.int64)
    lags = [1, 2, 3]
    if short:
        lags += [short - 1, short, short + 1, 2 * short, 3 * short]
    if long:
        lags += [long - short, long - 1, long, long + 1, 2 * long]
    elif short:
        lags += [4 * short]
    usable = sorted({lag for lag in lags if lag > 0 and n >= 1.6 * lag})
    return np.array([lag for lag in usable if n - lag >= _ROWS_PER_LAG * len(usable)], np.int64)


def _residual_lags(seasons: Seasons, n: int) -> Lags:
    """Return the lags for n residuals, empty if they are too few."""
    lags = {1, 2, 3, *(lag for s in (seasons.short, seasons.long) if s for lag in (s, s + 1))}
    usable = sorted(lag for lag in lags if n > _LENGTHS_OF_LAG * lag and n - lag > _LEAST_ROWS)
    return np.array(usable, np.int64)


def _fitted(z: Matrix, stack: _Stack, ridge: float) -> Matrix:
    """Return the coefficients (b₀, b), shape (S, 1 + L), of the scaled series z, shape (S, n)."""
    n, lags, most = z.shape[1], stack.lags, int(stack.lags[-1])
    rows = np.empty((len(z), lags.size + 1, n - most))
    rows[:, 0] = 1.0
    for i, lag in enumerate(lags.tolist(), 1):
        rows[:, i] = z[:, most - lag : n - lag]
    stack.without_padding(rows)  # rows that begin before the series do not count
    gram = rows @ rows.transpose(0, 2, 1)
    diagonal = np.arange(1, lags.size + 1)
    gram[:, diagonal, diagonal] += ridge * (stack.sizes - most)[:, None]
    return np.asarray(np.linalg.solve(gram, rows @ z[:, most:, None])[:, :, 0], np.float64)


def _rolled(z: Matrix, coefficients: Matrix, lags: Lags, horizon: int) -> Matrix:
    """Return the next values of S series, shape (S, horizon), block by block.

    A block is as long as the shortest lag that is a season ago, so that those lags reach back before it.  The
    recursion over the last steps within a block is a product with its impulse response.
    """
    most = int(lags[-1])
    seasonal = lags[lags > _SHORT]
    size = min(int(seasonal[0]) if seasonal.size else _MOST_BLOCK, horizon, _MOST_BLOCK)
    blocks = -(-horizon // size)
    values = np.zeros((len(z), most + blocks * size))  # a block's own values are still 0, and so add nothing
    values[:, :most] = z[:, -most:]
    windows = sliding_window_view(values, size, axis=1)
    level, slopes = coefficients[:, :1, None], coefficients[:, None, 1:]
    near = np.zeros((len(z), _SHORT))
    near[:, lags[lags <= _SHORT] - 1] = coefficients[:, 1 : 1 + lags.size - seasonal.size]
    response = _impulse_responses(near, size)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(most, values.shape[1], size):
            before = slopes @ windows[:, start - lags] + level
            values[:, start : start + size] = (response @ before.transpose(0, 2, 1))[:, :, 0]
    ahead = values[:, most : most + horizon]
    return ahead if np.isfinite(ahead).all() else np.nan_to_num(ahead)


def _impulse_responses(near: Matrix, size: int) -> Matrix:
    """Return the lower triangular T with x = T c solving x[t] = c[t] + near[0] x[t - 1] + near[1] x[t - 2] ….

    `near` has shape (S, 3), the result (S, size, size).
    """
    responses = []
    for one, two, three in near.tolist():
        response = [0.0] * (size - 1) + [1.0]
        last, before, earliest = 1.0, 0.0, 0.0
        for _ in range(size - 1):
            last, before, earliest = one * last + two * before + three * earliest, last, before
            response.append(last)
        responses.append(response)
    return np.array(responses)[:, _diagonals(size)]


@lru_cache(maxsize=64)
def _diagonals(size: int) -> NDArray[np.int64]:
    """Return the number of each element's diagonal, from the upper right corner, shape (size, size)."""
    steps = np.arange(size)
    return steps[:, None] - steps + size - 1


def _summed(y: Vector, ahead: Vector, differences: int) -> Vector:
    """Return the readings after `y` whose differences are `ahead`, of the shape of `ahead`."""
    cycles = -(-ahead.size // differences)
    padded = np.zeros(cycles * differences)
    padded[: ahead.size] = ahead
    sums = y[-differences:] + padded.reshape(cycles, differences).cumsum(axis=0)
    return np.asarray(sums.ravel()[: ahead.size], np.float64)
