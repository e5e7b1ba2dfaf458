"""A forecast of a history too short for a backtest: the median of the methods that err least in the fleet.

They are up to three, none worse in the fleet than the seasonal naive forecast.  Each has first forecast the
last season of the history from the steps before that, and erred at most twice as much as the naive forecast:
many methods err greatly with few readings, and the median does without one that does so later.
"""

import math
from typing import Final

import numpy as np

from fleetcast.evaluation.combined import CombineOptions, rounded_path
from fleetcast.evaluation.rolling_origin import CORRECTED_PROPHET, NAIVE, PROPHET, default_horizon
from fleetcast.evaluation.season import naive_error_of_grid
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import (
    MEMBERS,
    MOST_PATH,
    Combination,
    Correction,
    GriddedHistory,
    forecasts,
)
from fleetcast.forecasting.one_thread import ONE_THREAD

_MOST_METHODS: Final = 3
_MOST_ERROR: Final = 2.0
"""Most error of a method in the last season, in units of that of the seasonal naive forecast."""
_LEAST_CHECKED: Final = 6
"""Number of steps of the last season where there is none."""


@ONE_THREAD
def forecast_as_fleet(stamps: Stamps, y: Vector, freq: str, options: CombineOptions) -> Combination | None:
    """Return a forecast of readings `y` at ascending `stamps`, both of shape (N,), and its intervals.

    Intervals are those of the fleet's seasonal naive forecasts, in units of the history's own naive error.
    Returns None where `options.fleet` lacks this frequency; where one of Prophet's methods
    errs least in the fleet, so that Prophet's model is to forecast; where fewer than half of the steps have a
    reading; and where the history repeats itself or is not longer than a season.  Raises FutureError if
    `freq` is no frequency.
    """
    fleet = options.fleet.get(freq)
    history = GriddedHistory.of(stamps, y, freq)
    if fleet is None or history is None:
        return None
    order = sorted(
        (name for name in options.members if name in fleet.methods),
        key=lambda name: fleet.methods[name].log_error,
    )
    if not order or order[0] in {PROPHET, CORRECTED_PROPHET}:
        return None
    grid = history.grid()
    unit = naive_error_of_grid(grid)
    if not unit > 0:
        return None
    calibration = fleet.naive_calibration(unit)
    longest = max(default_horizon(grid.y.size, grid.seasons), grid.seasons.long, int(calibration.horizon))
    length = min(2 * (options.horizon or longest), MOST_PATH)
    limit = max(fleet.methods[order[0]].log_error, 0.0)  # the naive forecast's is 0
    names = [name for name in order if name in MEMBERS and fleet.methods[name].log_error <= limit]
    paths = _checked_paths(history, length, names, 1 if options.one_only else _MOST_METHODS)
    if not paths:
        return None
    path = np.median(paths, axis=0)
    return Combination(
        origin=int(stamps[-1]),
        freq=freq,
        correction=Correction(0.0, rounded_path(path)),
        calibration=calibration if options.calibrate else None,
    )


def _checked_paths(history: GriddedHistory, length: int, names: list[str], most: int) -> list[Vector]:
    """Return the forecasts of the first methods that pass the check, at most `most`, of shape (length,)."""
    n = history.y.size
    season = min(history.seasons.short or _LEAST_CHECKED, n - 1)
    actual = history.y[n - season :]
    can_check = np.isfinite(history.y[: n - season]).any()
    grids = [history.grid(), history.grid(n - season)] if can_check else [history.grid()]
    found = forecasts(dict.fromkeys((*names, NAIVE)), grids, max(length, season), {})

    def error(name: str) -> float:
        path = found[name][1] if can_check else None
        return math.inf if path is None else float(np.nanmean(np.abs(actual - path[:season])))

    naive = error(NAIVE)
    paths = []
    for name in names:
        path = found[name][0]
        is_sound = name == NAIVE or (math.isfinite(naive) and error(name) <= _MOST_ERROR * naive)
        if path is not None and is_sound:
            paths.append(path[:length])
    return paths[:most]
