"""Limits of a model, the same for one that is fitted and for one that is read.

Within them no product of a forecast overflows, and no text takes many times its own length in memory.
"""

from typing import Final

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.parameters import Growth, Parameters

MOST_FEATURES: Final = 1_000
"""Most columns of X: of seasonalities, holidays (one for each day of a window) and regressors."""
MOST_CHANGEPOINTS: Final = 1_000
MOST_FOURIER_TERMS: Final = 400
"""Most sine and cosine pairs of one seasonality."""
MOST_HOLIDAY_DAYS: Final = 100_000
"""Most days of a table of holidays, windows included."""
MOST_DAYS_OF_A_WINDOW: Final = 366
"""Most days of a holiday's window before or after it."""
LARGEST: Final = 1e30
"""Largest absolute value of any number."""
SMALLEST: Final = 1e-30
"""Smallest divisor: the scale of y, the standard deviation of a regressor, a prior scale."""


def has_rates(growth: Growth, parameters: Parameters) -> bool:
    """Return whether the growth rate is nowhere 0; at 0 the offset of logistic growth is undefined."""
    if growth != "logistic":
        return True
    rates = parameters.k + np.concatenate(([0.0], np.cumsum(parameters.delta)))
    return bool(rates.all())


def are_within(growth: Growth, parameters: Parameters) -> bool:
    """Return whether a model may have these parameters."""
    scalars = max(abs(parameters.k), abs(parameters.m), parameters.sigma_obs)
    vectors = parameters.delta, parameters.beta
    return scalars <= LARGEST and all(map(_is_within, vectors)) and has_rates(growth, parameters)


def _is_within(numbers: Vector) -> bool:
    """Return whether no number exceeds LARGEST in size."""
    return bool(np.abs(numbers).max(initial=0.0) <= LARGEST)


def _days(first: int, last: int) -> range:
    return range(first, last + 1)


def check_holidays(table: HolidayTable) -> None:
    """Raise SettingError if a table of holidays has too many days or features."""
    windows = [*(table.lower_window or ()), *(table.upper_window or ())]
    if any(days is not None and not abs(days) <= MOST_DAYS_OF_A_WINDOW for days in windows):
        raise SettingError(f"the window of a holiday must have at most {MOST_DAYS_OF_A_WINDOW} days")
    if sum(last - first + 1 for _, _, first, last, _ in table.windows()) > MOST_HOLIDAY_DAYS:
        raise SettingError(f"there must be at most {MOST_HOLIDAY_DAYS} days of holidays, windows included")
    features = len({(name, day) for _, name, *window, _ in table.windows() for day in _days(*window)})
    if features > MOST_FEATURES:
        raise SettingError(
            f"holidays: their names and windows make {features} features, more than {MOST_FEATURES}: "
            "one for each name and day of its window; days of one kind may share a name"
        )
