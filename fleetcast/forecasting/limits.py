"""What a model may hold: one set of limits for what is fitted and for what is read.

Within them no product of a forecast overflows, and no text takes many times its own length in memory.
"""

from typing import Final

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.parameters import Growth, Parameters

MOST_FEATURES: Final = 1_000
"""Columns of seasonalities, holidays (one for each day of a window) and regressors."""
MOST_CHANGEPOINTS: Final = 1_000
MOST_FOURIER_TERMS: Final = 400
"""Of one seasonality."""
MOST_HOLIDAY_DAYS: Final = 100_000
"""Of a table of holidays, windows included."""
MOST_DAYS_OF_A_WINDOW: Final = 366
LARGEST: Final = 1e30
"""Of any number."""
SMALLEST: Final = 1e-30
"""Of what divides: the scale of y, the spread of a regressor, a prior scale."""


def has_rates(growth: Growth, parameters: Parameters) -> bool:
    """Return whether the rate of logistic growth is nowhere 0, where its offset is not defined."""
    if growth != "logistic":
        return True
    rates = parameters.k + np.concatenate(([0.0], np.cumsum(parameters.delta)))
    return bool(rates.all())


def are_within(growth: Growth, parameters: Parameters) -> bool:
    """Return whether these parameters may be those of a model."""
    known = parameters
    few = max(abs(known.k), abs(known.m), known.sigma_obs) <= LARGEST
    return few and all(_within(each) for each in (known.delta, known.beta)) and has_rates(growth, parameters)


def _within(numbers: Vector) -> bool:
    return bool(np.abs(numbers).max(initial=0.0) <= LARGEST)


def _days(first: int, last: int) -> range:
    return range(first, last + 1)


def check_holidays(table: HolidayTable) -> None:
    """Refuse a table of holidays that is larger than any calendar; raises SettingError."""
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
