"""Forecasts that repeat a cycle: its last run, a weighted mean, a median, or a day's shape by weekday."""

from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members.grid import Grid

_MOST_CYCLES: Final = 26
"""Number of latest cycles that are used; it bounds the cost of a fit."""


def weighted_profile(grid: Grid, season: int, horizon: int, *, smoothing: float) -> Vector | None:
    """Return the exponentially weighted mean of the cycles, repeated, shape (horizon,).

    The weight of a cycle is (1 - smoothing) times that of the next one; 1 is the seasonal naive forecast.
    Returns None where the history is shorter than a cycle.

    Hyndman and Athanasopoulos (2021), "Forecasting: principles and practice", 3rd edition, section 8.1, for
    whole cycles instead of single readings.
    """
    cycles = _cycles(grid.y, season)
    if cycles is None:
        return None
    return np.resize(_recent_first(len(cycles), smoothing) @ cycles, horizon)


def median_profile(grid: Grid, season: int, horizon: int, *, cycles: int) -> Vector | None:
    """Return the median of the last `cycles` cycles, repeated, shape (horizon,); None without a cycle."""
    last = _cycles(grid.y, season)
    if last is None:
        return None
    ordered = np.sort(last[-cycles:], axis=0)
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return np.resize(middle, horizon)


def day_by_week(grid: Grid, horizon: int, *, smoothing: float, level_smoothing: float = 0.3) -> Vector | None:
    """Return the recent level, plus each weekday's mean, plus each weekday's shape, shape (horizon,).

    Level, means and shapes are exponentially weighted: the level over days, the others over weeks.  Returns
    None where the history is shorter than a long season, or that is no multiple of a short one.
    """
    short, long = grid.seasons.short, grid.seasons.long
    weeks = _cycles(grid.y, long) if short and long and long % short == 0 else None
    if weeks is None:
        return None
    days = weeks.reshape(len(weeks), long // short, short)
    means = days.mean(axis=2)
    weight = _recent_first(len(weeks), smoothing)
    shape = (weight @ (days - means[:, :, None]).reshape(len(weeks), long)).reshape(long // short, short)
    weekday = weight @ (means - means.mean(axis=1, keepdims=True))
    level = _recent_first(means.size, level_smoothing) @ (means - weekday).ravel()
    return np.resize((level + weekday[:, None] + shape).ravel(), horizon)


def _cycles(y: Vector, season: int) -> Vector | None:
    """Return the last whole cycles, shape (cycles, season), the latest last."""
    count = min(y.size // season, _MOST_CYCLES) if season else 0
    return y[y.size - count * season :].reshape(count, season) if count else None


def _recent_first(count: int, smoothing: float) -> Vector:
    weight = (1 - smoothing) ** np.arange(count - 1, -1, -1.0)
    return np.asarray(weight / weight.sum())
