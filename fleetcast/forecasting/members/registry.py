"""The forecasting methods besides Prophet's, by name.

Each takes the histories before several cut-offs, at equal steps, and returns their next values.  None needs
regressors, and each is a few operations on arrays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members.autoregression import (
    Paths,
    Regression,
    autoregression,
    autoregression_of_logarithm,
    next_values,
)
from fleetcast.forecasting.members.grid import Grid
from fleetcast.forecasting.members.profiles import day_by_week, median_profile, weighted_profile

Method: TypeAlias = Callable[[Sequence[Grid], int], Paths | Regression]
Profile: TypeAlias = Callable[[Grid, int], Vector | None]

_LONG_CYCLES_OF_RESIDUALS: Final = 6
_SHORT_CYCLES_OF_RESIDUALS: Final = 26


@dataclass(frozen=True, slots=True)
class Member:
    """A forecasting method."""

    name: str
    forecast: Method
    """(histories, horizon) -> the forecast of each, or a regression that leads to them; there is at least one
    history, and all have the same seasons."""
    description: str


def _each(one: Profile) -> Method:
    """Return the method that forecasts each history by itself."""
    return lambda grids, horizon: [one(grid, horizon) for grid in grids]


def _short_profile(smoothing: float) -> Method:
    return _each(
        lambda grid, horizon: weighted_profile(grid, grid.seasons.short, horizon, smoothing=smoothing)
    )


def _long_profile(smoothing: float) -> Method:
    return _each(
        lambda grid, horizon: weighted_profile(grid, grid.seasons.long, horizon, smoothing=smoothing)
    )


def _short_median(cycles: int) -> Method:
    return _each(lambda grid, horizon: median_profile(grid, grid.seasons.short, horizon, cycles=cycles))


def _last_value(grid: Grid, horizon: int) -> Vector | None:
    return None if grid.seasons.long else np.full(horizon, grid.y[-1])


def _seasonal_difference(grids: Sequence[Grid], _: int) -> Paths | Regression:
    season = grids[0].seasons.short
    return autoregression(grids, differences=season) if season else [None] * len(grids)


def _corrected(profile: Profile) -> Method:
    """Return a profile plus a forecast of its residuals."""

    def method(grids: Sequence[Grid], horizon: int) -> Regression:
        cycles = [profile(grid, grid.seasons.long or grid.seasons.short) for grid in grids]

        def forecast(ahead: Paths) -> Paths:
            return [
                None if cycle is None or path is None else np.resize(cycle, horizon) + path
                for cycle, path in zip(cycles, ahead, strict=True)
            ]

        residuals = [
            np.empty(0) if cycle is None else _residuals(grid, cycle)
            for grid, cycle in zip(grids, cycles, strict=True)
        ]
        return Regression(residuals, forecast, are_residuals=True)

    return method


def _residuals(grid: Grid, cycle: Vector) -> Vector:
    """Return y minus a repeated cycle over the last whole cycles."""
    most = _LONG_CYCLES_OF_RESIDUALS if grid.seasons.long else _SHORT_CYCLES_OF_RESIDUALS
    cycles = min(grid.y.size // cycle.size, most)
    last = grid.y[grid.y.size - cycles * cycle.size :]
    return np.asarray((last.reshape(cycles, cycle.size) - cycle).ravel(), np.float64)


def _own_profile(smoothing: float) -> Profile:
    return lambda grid, season: weighted_profile(grid, season, season, smoothing=smoothing)


_ALL: Final = (
    Member(
        "last_value",
        _each(_last_value),
        "The last reading, where there are not several readings a day.",
    ),
    Member("seasonal_naive", _short_profile(1.0), "The last short season, such as the last day."),
    Member("long_seasonal_naive", _long_profile(1.0), "The last long season, such as the last week."),
    Member(
        "profile",
        _short_profile(0.3),
        "The weighted mean of the short seasons; each weighs 0.7 times as much as the next.",
    ),
    Member(
        "long_profile",
        _long_profile(0.3),
        "The weighted mean of the long seasons; each weighs 0.7 times as much as the next.",
    ),
    Member(
        "long_profile_slow",
        _long_profile(0.15),
        "The weighted mean of the long seasons; each weighs 0.85 times as much as the next.",
    ),
    Member("median", _short_median(7), "The median of the last 7 short seasons."),
    Member("median_slow", _short_median(14), "The median of the last 14 short seasons."),
    Member(
        "day_by_week", _each(partial(day_by_week, smoothing=0.3)), "The level, plus each weekday's shape."
    ),
    Member(
        "autoregression",
        lambda grids, _: autoregression_of_logarithm(grids),
        "Regression on the last steps and seasons; of the logarithm if all readings are positive.",
    ),
    Member(
        "difference_autoregression",
        lambda grids, _: autoregression(grids, differences=1),
        "Regression of the change from step to step.",
    ),
    Member(
        "seasonal_difference_autoregression",
        _seasonal_difference,
        "Regression of the change from season to season.",
    ),
    Member(
        "long_profile+correction",
        _corrected(_own_profile(0.5)),
        "The weighted mean of the seasons, plus a forecast of its residuals.",
    ),
    Member(
        "day_by_week+correction",
        _corrected(lambda grid, season: day_by_week(grid, season, smoothing=0.1, level_smoothing=0.2)),
        "The level and each weekday's shape, plus a forecast of its residuals.",
    ),
)

MEMBERS: Final[Mapping[str, Member]] = MappingProxyType({member.name: member for member in _ALL})
"""All of them, by name."""


def forecasts(
    names: Iterable[str], grids: Sequence[Grid], horizon: int, residuals: Mapping[str, Sequence[Vector]]
) -> dict[str, Paths]:
    """Return the forecasts of the histories by method, each of shape (horizon,), in units of y.

    All histories have the same seasons.  `residuals` are further models' y - yhat at the last steps of the
    histories, by model; the forecast of such a model is that of its residuals.  A forecast is None where the
    history does not suffice, or it is not finite.
    """
    if not grids:
        return {}
    found = {name: MEMBERS[name].forecast(grids, horizon) for name in names}
    found |= {
        model: Regression(own, lambda ahead: ahead, are_residuals=True) for model, own in residuals.items()
    }
    regressions = {name: each for name, each in found.items() if isinstance(each, Regression)}
    ahead = next_values(list(regressions.values()), grids[0].seasons, horizon)
    by_name = {name: each for name, each in found.items() if not isinstance(each, Regression)}
    by_name |= zip(regressions, ahead, strict=True)
    return {name: [_finite(path) for path in by_name[name]] for name in found}


def _finite(path: Vector | None) -> Vector | None:
    return path if path is not None and np.isfinite(path).all() else None
