"""What a customer's own methods forecast from several origins, and how they erred before each origin.

An origin is a number of steps: the forecast from it uses the readings of these first steps, and no later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix
from fleetcast.forecasting.members import forecasts
from fleetcast.global_model.series import Series

LOCAL_METHODS: Final = (
    "seasonal_naive",
    "long_seasonal_naive",
    "profile",
    "long_profile",
    "median",
    "day_by_week",
    "autoregression",
    "difference_autoregression",
    "seasonal_difference_autoregression",
    "long_profile+correction",
    "day_by_week+correction",
)
"""The methods, by their names among `MEMBERS`; none needs a fit of Prophet's model."""
EARLIER_ORIGINS: Final = 14
"""Number of earlier origins, a short cycle apart, whose forecasts' errors say how good a method is."""
_LEAST_CYCLES: Final = 2
"""Fewest short cycles before an earlier origin."""
_LEAST_STEPS: Final = 8
_SHARPNESS: Final = 5.0
"""A method's weight falls with this power of its error."""
_ROUNDING: Final = 1e-9
"""Errors that differ by less than this share of the scale are equal."""


@dataclass(frozen=True, slots=True)
class LocalForecasts:
    """Forecasts of M methods from P origins for H steps, and their earlier errors."""

    paths: NDArray[np.float64]
    """In units of y, shape (P, M, H); the seasonal naive forecast where a method has too few readings."""
    errors: Matrix
    """Mean absolute errors from earlier origins, in units of y, shape (P, M); NaN without such an origin."""

    def log_errors(self, scale: Matrix) -> Matrix:
        """Return ln of the errors relative to the least of each origin, shape (P, M); NaN without errors.

        `scale`, shape (P, 1), is the size of an error that counts as 1, in units of y.
        """
        log = np.log(self.errors + _ROUNDING * scale + np.finfo(np.float64).tiny)
        return np.asarray(log - log.min(axis=1, keepdims=True), np.float64)

    def weights(self, scale: Matrix) -> Matrix:
        """Return the methods' weights at each origin, with sum 1, shape (P, M); equal ones without errors."""
        log = self.log_errors(scale)
        weights = np.exp(-_SHARPNESS * np.where(np.isnan(log), 0.0, log))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def local_forecasts(
    series: Series, origins: Sequence[int], length: int, horizon: int | None = None
) -> LocalForecasts:
    """Return the methods' forecasts of the `length` steps after each origin, and their earlier errors.

    The error of a method at an origin is that of its forecasts from up to 14 earlier origins, as far as the
    steps that they forecast come before the origin, and for at most `horizon` steps, None for `length`: a
    longer path must not change what the errors say, as trees have learnt it for their horizon.  Before each
    origin there is at least one reading.
    """
    cycle = series.cycles.short
    least = max(_LEAST_CYCLES * cycle, _LEAST_STEPS)
    first = int(np.flatnonzero(np.isfinite(series.y))[0])
    earlier = {at - cycle * k for at in origins for k in range(1, EARLIER_ORIGINS + 1)}
    ladder = sorted({*origins, *(at for at in earlier if at >= least and at > first)})
    row = {at: i for i, at in enumerate(ladder)}
    most = length if horizon is None else min(horizon, length)
    paths = _paths(series, ladder, length)
    sums, counts = _running_errors(series, ladder, paths[:, :, :most])
    errors = np.full((len(origins), len(LOCAL_METHODS)), np.nan)
    for i, at in enumerate(origins):
        known = [
            (row[at - cycle * k], min(most, cycle * k))
            for k in range(1, EARLIER_ORIGINS + 1)
            if at - cycle * k in row
        ]
        if known and (count := sum(counts[j, steps] for j, steps in known)):
            errors[i] = sum(sums[j, :, steps] for j, steps in known) / count
    return LocalForecasts(paths[[row[at] for at in origins]], errors)


def _paths(series: Series, origins: Sequence[int], horizon: int) -> NDArray[np.float64]:
    """Return the forecasts, shape (P, M, H)."""
    grids = [series.history.grid(at) for at in origins]
    found = forecasts(LOCAL_METHODS, grids, horizon, {})
    paths = np.empty((len(origins), len(LOCAL_METHODS), horizon))
    for i, grid in enumerate(grids):
        naive = found[LOCAL_METHODS[0]][i]
        if naive is None:
            naive = np.full(horizon, grid.y[-1])
        for own, name in zip(paths[i], LOCAL_METHODS, strict=True):
            path = found[name][i]
            own[:] = naive if path is None else path
    return paths


def _running_errors(
    series: Series, origins: Sequence[int], paths: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Matrix]:
    """Return Σ|y - path| over the first h steps, shape (P, M, H + 1), and the number of readings there."""
    n, horizon = series.y.size, paths.shape[2]
    steps = np.array(origins)[:, None] + np.arange(horizon)
    actual = np.where(steps < n, series.y[np.minimum(steps, n - 1)], np.nan)
    is_reading = np.isfinite(actual)
    sizes = np.where(is_reading[:, None], np.abs(paths - actual[:, None]), 0.0)
    sums = np.zeros((*paths.shape[:2], horizon + 1))
    np.cumsum(sizes, axis=2, out=sums[:, :, 1:])
    counts = np.zeros((len(origins), horizon + 1))
    np.cumsum(is_reading, axis=1, out=counts[:, 1:])
    return sums, counts
