"""Ridge regression on earlier readings, rolled forward step by step.

    z[t] = b₀ + Σ b[l] z[t - l],  l among the lags: the last three steps, and one or more seasons ago

The coefficients minimise Σ residual² + ridge · n · Σ b[l]², with z scaled to mean 0 and variance 1.

Hoerl and Kennard (1970), "Ridge regression", Technometrics 12(1); Hyndman and Athanasopoulos (2021),
"Forecasting: principles and practice", 3rd edition, section 9.3.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.members.grid import Grid
from fleetcast.forecasting.members.steps import Seasons

Lags: TypeAlias = NDArray[np.int64]

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
_CONSTANT: Final = 1e-12
"""A series whose standard deviation is at most this share of its mean is constant but for roundings."""
_NO_LAGS: Final = np.empty(0, np.int64)


def autoregression(grids: Sequence[Grid], horizon: int, *, differences: int = 0) -> list[Vector | None]:
    """Return the next readings of each history by a regression on earlier ones, in units of y.

    Each is of shape (horizon,), or None where the history is too short or constant.  With `differences` above
    0, y[t] - y[t - differences] takes the place of y[t].
    """
    histories = [_latest(grid.y, grid.seasons) for grid in grids]
    if not differences:
        return _regressed(histories, _seasons(grids), horizon)
    changes = [y[differences:] - y[:-differences] for y in histories]
    ahead = _regressed(changes, _seasons(grids), horizon)
    return [
        None if path is None else _summed(y, path, differences)
        for y, path in zip(histories, ahead, strict=True)
    ]


def autoregression_of_logarithm(grids: Sequence[Grid], horizon: int) -> list[Vector | None]:
    """Return `autoregression` of ln y, in units of y; of y itself where a reading is not above 0."""
    histories = [_latest(grid.y, grid.seasons) for grid in grids]
    are_positive = [bool(y.min() > 0) for y in histories]
    series = [np.log(y) if is_positive else y for y, is_positive in zip(histories, are_positive, strict=True)]
    ahead = _regressed(series, _seasons(grids), horizon)
    return [
        np.exp(path) if is_positive and path is not None else path
        for path, is_positive in zip(ahead, are_positive, strict=True)
    ]


def residual_paths(residuals: Sequence[Vector], seasons: Seasons, horizon: int) -> list[Vector]:
    """Return a forecast of each model's residuals, in units of y, shape (horizon,).

    `residuals` are y - yhat of the last n steps, each of shape (n,).  A forecast never exceeds the largest of
    them and usually tends to 0; it is 0 where they are too few.
    """
    latest = [_latest(each, seasons) for each in residuals]
    scales = [float(z.std()) if z.size else 0.0 for z in latest]
    lags = [
        _residual_lags(seasons, z.size) if s > 0 else _NO_LAGS for z, s in zip(latest, scales, strict=True)
    ]
    z = [each / (scale or 1.0) for each, scale in zip(latest, scales, strict=True)]
    ahead = _by_lags(z, lags, horizon, ridge=_RIDGE_OF_RESIDUALS, has_mean=False)
    paths = []
    for each, path, scale in zip(z, ahead, scales, strict=True):
        limit = float(np.abs(each).max()) if path is not None else 0.0
        paths.append(np.zeros(horizon) if path is None else np.clip(path, -limit, limit) * scale)
    return paths


def _seasons(grids: Sequence[Grid]) -> Seasons:
    return grids[0].seasons


def _regressed(series: Sequence[Vector], seasons: Seasons, horizon: int) -> list[Vector | None]:
    """Return the next values of each series within its range and a margin; None where that is impossible."""
    means = [float(y.mean()) if y.size else 0.0 for y in series]
    scales = [float(y.std()) if y.size else 0.0 for y in series]
    lags = [
        _lags(seasons, y.size) if y.size >= _LEAST_STEPS and scale > _CONSTANT * abs(mean) else _NO_LAGS
        for y, mean, scale in zip(series, means, scales, strict=True)
    ]
    z = [(y - mean) / (scale or 1.0) for y, mean, scale in zip(series, means, scales, strict=True)]
    ahead = _by_lags(z, lags, horizon, ridge=_RIDGE, has_mean=True)
    paths: list[Vector | None] = []
    for each, path, mean, scale in zip(z, ahead, means, scales, strict=True):
        if path is None:
            paths.append(None)
            continue
        low, high = float(each.min()), float(each.max())
        margin = _MARGIN * (high - low)
        paths.append(np.clip(path, low - margin, high + margin) * scale + mean)
    return paths


def _latest(y: Vector, seasons: Seasons) -> Vector:
    return y[-max(_MOST_STEPS, 4 * seasons.long) :]


def _lags(seasons: Seasons, n: int) -> Lags:
    short, long = seasons.short, seasons.long
    lags = [1, 2, 3]
    if short:
        lags += [short - 1, short, short + 1, 2 * short, 3 * short]
    if long:
        lags += [long - short, long - 1, long, long + 1, 2 * long]
    elif short:
        lags += [4 * short]
    usable = sorted({lag for lag in lags if lag > 0 and n >= 1.6 * lag})
    return np.array([lag for lag in usable if n - lag >= _ROWS_PER_LAG * len(lags)], np.int64)


def _residual_lags(seasons: Seasons, n: int) -> Lags:
    lags = {1, 2, 3, *(lag for s in (seasons.short, seasons.long) if s for lag in (s, s + 1))}
    return np.array(
        sorted(lag for lag in lags if n > _LENGTHS_OF_LAG * lag and n - lag > _LEAST_ROWS), np.int64
    )


def _by_lags(
    z: Sequence[Vector], lags: Sequence[Lags], horizon: int, *, ridge: float, has_mean: bool
) -> list[Vector | None]:
    """Return the next values of each series by a regression on its lags; None where it has no lags.

    Series with the same lags share the arrays, because a call of NumPy costs more than the arithmetic.
    """
    ahead: list[Vector | None] = [None] * len(z)
    alike: dict[bytes, list[int]] = {}
    for i, each in enumerate(lags):
        if each.size:
            alike.setdefault(each.tobytes(), []).append(i)
    for indices in alike.values():
        own, size = lags[indices[0]], max(z[i].size for i in indices)
        together = np.zeros((len(indices), size))
        for row, i in zip(together, indices, strict=True):
            row[size - z[i].size :] = z[i]
        coefficients = _fitted(together, [z[i].size for i in indices], own, ridge)
        if not has_mean:
            coefficients[:, 0] = 0.0
        for i, path in zip(indices, _rolled(together, coefficients, own, horizon), strict=True):
            ahead[i] = path
    return ahead


def _fitted(z: Matrix, sizes: Sequence[int], lags: Lags, ridge: float) -> Matrix:
    """Return the coefficients (b₀, b) of S series, shape (S, 1 + L).

    `z`, shape (S, n), are the series, each after zeros up to a common end; `sizes` are their lengths.
    """
    n, most = z.shape[1], int(lags[-1])
    rows = np.empty((len(z), lags.size + 1, n - most))
    rows[:, 0] = 1.0
    for i, lag in enumerate(lags.tolist(), 1):
        rows[:, i] = z[:, most - lag : n - lag]
    for own, size in zip(rows, sizes, strict=True):
        own[:, : n - size] = 0.0  # a row that begins before the series
    gram = rows @ rows.transpose(0, 2, 1)
    counts = np.array(sizes, np.float64) - most
    diagonal = np.arange(1, lags.size + 1)
    gram[:, diagonal, diagonal] += ridge * counts[:, None]
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
    earlier = np.arange(size) - lags[:, None]
    level, slopes = coefficients[:, :1, None], coefficients[:, None, 1:]
    near = np.zeros((len(z), _SHORT))
    near[:, lags[lags <= _SHORT] - 1] = coefficients[:, 1 : 1 + lags.size - seasonal.size]
    response = _impulse_responses(near, size)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(most, values.shape[1], size):
            before = slopes @ values[:, start + earlier] + level
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
