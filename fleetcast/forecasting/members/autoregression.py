"""Ridge regression on earlier readings, rolled forward step by step.

    z[t] = b₀ + Σ b[l] z[t - l],  l among the lags: the last three steps, and one or more seasons ago

The coefficients minimise Σ residual² + ridge · n · Σ b[l]², with z scaled to mean 0 and variance 1.

Hoerl and Kennard (1970), "Ridge regression", Technometrics 12(1); Hyndman and Athanasopoulos (2021),
"Forecasting: principles and practice", 3rd edition, section 9.3.
"""

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
"""Most steps of a block in `_roll`, whose cost grows with the square of a block."""
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


def autoregression(grid: Grid, horizon: int, *, differences: int = 0) -> Vector | None:
    """Return the next readings by a regression on earlier ones, in units of y, shape (horizon,).

    With `differences` above 0, y[t] - y[t - differences] takes the place of y[t].  Returns None where the
    history is too short or constant.
    """
    return _regressed(_latest(grid.y, grid.seasons), grid.seasons, horizon, differences)


def autoregression_of_logarithm(grid: Grid, horizon: int) -> Vector | None:
    """Return `autoregression` of ln y, in units of y; of y itself where a reading is not above 0."""
    y = _latest(grid.y, grid.seasons)
    if not y.min() > 0:
        return _regressed(y, grid.seasons, horizon, 0)
    ahead = _regressed(np.log(y), grid.seasons, horizon, 0)
    return None if ahead is None else np.exp(ahead)


def residual_path(residuals: Vector, seasons: Seasons, horizon: int) -> Vector:
    """Return a forecast of another model's residuals, in units of y, shape (horizon,).

    `residuals` are y - yhat of the last n steps, shape (n,).  The forecast never exceeds the largest of them
    and usually tends to 0; it is 0 where they are too few.
    """
    z = _latest(residuals, seasons)
    scale = float(z.std())
    candidates = [1, 2, 3, *(lag for s in (seasons.short, seasons.long) if s for lag in (s, s + 1))]
    lags = np.array(sorted({lag for lag in candidates if z.size > 2.2 * lag and z.size - lag > 30}), np.int64)  # noqa: PLR2004
    if not scale > 0 or not lags.size:
        return np.zeros(horizon)
    z = z / scale
    coefficients = _fitted(z, lags, _RIDGE_OF_RESIDUALS)
    coefficients[0] = 0.0
    limit = float(np.abs(z).max())
    return np.clip(_roll(z, coefficients, lags, horizon), -limit, limit) * scale


def _regressed(y: Vector, seasons: Seasons, horizon: int, differences: int) -> Vector | None:
    steps = y[differences:] - y[:-differences] if differences else y
    ahead = _rolled(steps, _lags(seasons, steps.size), horizon)
    return _summed(y, ahead, differences) if differences and ahead is not None else ahead


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


def _rolled(y: Vector, lags: Lags, horizon: int) -> Vector | None:
    if y.size < _LEAST_STEPS or not lags.size:
        return None
    mean, scale = float(y.mean()), float(y.std())
    if not scale > 1e-12 * abs(mean):
        return None
    z = (y - mean) / scale
    low, high = float(z.min()), float(z.max())
    margin = _MARGIN * (high - low)
    ahead = _roll(z, _fitted(z, lags, _RIDGE), lags, horizon)
    return np.clip(ahead, low - margin, high + margin) * scale + mean


def _fitted(z: Vector, lags: Lags, ridge: float) -> Vector:
    """Return the coefficients (b₀, b), shape (1 + L,)."""
    n, most = z.size, int(lags[-1])
    rows = np.empty((lags.size + 1, n - most))
    rows[0] = 1.0
    for row, lag in zip(rows[1:], lags.tolist(), strict=True):
        row[:] = z[most - lag : n - lag]
    gram = rows @ rows.T
    gram.flat[lags.size + 2 :: lags.size + 2] += ridge * (n - most)
    return np.asarray(np.linalg.solve(gram, rows @ z[most:]), np.float64)


def _roll(z: Vector, coefficients: Vector, lags: Lags, horizon: int) -> Vector:
    """Return the next `horizon` values, block by block.

    A block is as long as the shortest lag that is a season ago, so that those lags reach back before it.  The
    recursion over the last steps within a block is a product with its impulse response.
    """
    most = int(lags[-1])
    seasonal = lags[lags > _SHORT]
    size = min(int(seasonal[0]) if seasonal.size else _MOST_BLOCK, horizon, _MOST_BLOCK)
    blocks = -(-horizon // size)
    values = np.zeros(most + blocks * size)  # values of the block itself are still 0, and so add nothing
    values[:most] = z[-most:]
    earlier = np.arange(size) - lags[:, None]
    response = _impulse_response(coefficients[1 : 1 + lags.size - seasonal.size], lags, size)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(most, values.size, size):
            before = coefficients[1:] @ values[start + earlier]
            values[start : start + size] = response @ (before + coefficients[0])
    ahead = values[most : most + horizon]
    return ahead if np.isfinite(ahead).all() else np.nan_to_num(ahead)


def _impulse_response(near: Vector, lags: Lags, size: int) -> Matrix:
    """Return the lower triangular matrix T with x = T c solving x[t] = c[t] + Σ near[i] x[t - lags[i]]."""
    pairs = list(zip(near.tolist(), lags.tolist(), strict=False))
    response = [0.0] * (size - 1) + [1.0]
    for t in range(size, 2 * size - 1):
        value = 0.0
        for coefficient, lag in pairs:
            if lag < size:
                value += coefficient * response[t - lag]
        response.append(value)
    return np.array(response)[_diagonals(size)]


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
