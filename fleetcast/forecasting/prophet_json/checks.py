"""Checks of Prophet's JSON that its declaration cannot make; all raise ModelFormatError."""

from typing import Final

import numpy as np

from fleetcast.errors import ModelFormatError
from fleetcast.forecasting.calendar import DAY, FIRST_DAY, LAST_DAY, Stamps
from fleetcast.forecasting.features import BUILT_IN, check_name
from fleetcast.forecasting.limits import LARGEST, has_rates
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.settings import Settings

_SMALL_TEXT: Final = 256 * 1024
_MOST_STRINGS: Final = 200_000
_MOST_LISTS: Final = 200_000
_MOST_VALUES: Final = 1_000_000


def check_extent(text: str) -> None:
    """Refuse a text that would take many times its length in memory; Prophet's texts are mostly strings."""
    if len(text) <= _SMALL_TEXT:
        return
    plain = text.replace("\\\\", "").replace('\\"', "")
    if plain.count('"') > 2 * _MOST_STRINGS:
        raise ModelFormatError(f"the text has more than {_MOST_STRINGS:,} strings")
    outside = plain.split('"')[::2]
    if sum(part.count("[") + part.count("{") for part in outside) > _MOST_LISTS:
        raise ModelFormatError(f"the text has more than {_MOST_LISTS:,} lists and objects")
    if sum(part.count(",") for part in outside) > _MOST_VALUES:
        raise ModelFormatError(f"the text has more than {_MOST_VALUES:,} values")


def at_least_zero(field: str, value: object) -> float:
    """Return a number from 0 to LARGEST, or raise ModelFormatError.

    For the arguments of Prophet's constructor that only some models need.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise ModelFormatError(f"{field} must be a number from 0 to {LARGEST:g}")
    return float(value)


def name(value: str, *, kind: str) -> str:
    """Return a name that Prophet accepts, or raise SettingError."""
    return value if value in BUILT_IN else check_name(value, kind=kind)


def check_dates(stamps: Stamps, *, what: str) -> None:
    """Refuse dates that are empty, not ascending, or outside the years 1 to 9999."""
    if not stamps.size or (np.diff(stamps) < 0).any():
        raise ModelFormatError(f"{what} must be dates in ascending order")
    if stamps[0] < FIRST_DAY * DAY or stamps[-1] >= (LAST_DAY + 1) * DAY:
        raise ModelFormatError(f"{what} must lie in the years 1 to 9999")


def check_growth(settings: Settings, parameters: Parameters) -> None:
    """Refuse a logistic trend whose rate is 0 in some segment, because its offset is not defined there."""
    if not has_rates(settings.growth, parameters):
        raise ModelFormatError("the rate of logistic growth must not be 0")
