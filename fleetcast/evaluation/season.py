"""The season of a history, and the error of the forecast that repeats it."""

from typing import Final

import numpy as np

from fleetcast.forecasting.members import Grid
from fleetcast.readings.customer import Times, Vector

_DAY: Final = np.timedelta64(1, "D")
_DAYS_PER_WEEK: Final = 7
_ROUNDING: Final = 1e-14
"""An error of the naive forecast up to this share of the readings is a rounding error of their means."""


def naive_error(ds: Times, y: Vector) -> float:
    """Return q = Σ|y[i] - y[i - s]| / (n - s) for i from s to n - 1, in units of y: the unit of MASE.

    `ds` and `y` are a history of n readings, ascending in time, and s its `rows_per_season`.  It is 0 if each
    season repeats the one before, and if there are at most s readings.

    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22(4), section 3.
    """
    season = rows_per_season(ds)
    return float(np.abs(y[season:] - y[:-season]).mean()) if len(y) > season else 0.0


def naive_error_of_grid(grid: Grid) -> float:
    """Return the error of the seasonal naive forecast within a history at equal steps, in units of y.

    It is the mean absolute error, and the season the grid's short one, or a step.  It is 0 if each season
    repeats the one before but for rounding errors, and if the history is not longer than a season.
    """
    y, season = grid.y, grid.seasons.short or 1
    error = float(np.abs(y[season:] - y[:-season]).mean()) if y.size > season else 0.0
    return error if error > _ROUNDING * float(np.abs(y).mean()) else 0.0


def naive_forecast(ds: Times, y: Vector, ahead: Times) -> Vector:
    """Return the seasonal naive forecast for the times `ahead`, each after the last of `ds`, in units of y.

    It repeats the last `rows_per_season` of the readings `y` at the ascending times `ds`.

    Hyndman and Athanasopoulos (2021), "Forecasting: principles and practice", 3rd edition, section 5.2.
    """
    season = rows_per_season(ds)
    if season == 1:
        return np.full(len(ahead), y[-1])
    steps = -((ds[-1] - ahead) // (ds[1] - ds[0]))  # rounded up: a time between two steps has the later's
    return np.asarray(y[-season:][(steps - 1) % season], np.float64)


def rows_per_season(ds: Times) -> int:
    """Return how many rows of the ascending times `ds` make a season, at least 1.

    Seven for daily readings; a day's number of readings if they are evenly spaced and the spacing divides
    a day; 1 otherwise, and if the history is not longer than two seasons.
    """
    spacing = np.diff(ds)
    if not len(spacing) or spacing[0] <= np.timedelta64(0) or (spacing != spacing[0]).any():
        return 1
    is_within_day = spacing[0] < _DAY and _DAY % spacing[0] == np.timedelta64(0)
    season = _DAYS_PER_WEEK if spacing[0] == _DAY else int(_DAY // spacing[0]) if is_within_day else 1
    return season if len(ds) > 2 * season else 1
