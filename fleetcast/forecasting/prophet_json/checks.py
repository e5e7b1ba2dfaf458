"""What a Prophet JSON may hold: a text from anywhere is refused here, so that what is read can forecast."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from fleetcast.errors import ModelFormatError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar.timestamps import DAY, FIRST_DAY, LAST_DAY, Stamps
from fleetcast.forecasting.features.reserved_names import BUILT_IN, check_name
from fleetcast.forecasting.limits import LARGEST, has_rates
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.settings import GROWTHS, MODES, SCALINGS, Settings

_SMALL_TEXT: Final = 256 * 1024
_MOST_STRINGS: Final = 200_000
_MOST_LISTS: Final = 200_000
_MOST_VALUES: Final = 1_000_000


def check_extent(text: str) -> None:
    """Refuse a text that would take many times its own length in memory; Prophet's is nearly all strings."""
    if len(text) <= _SMALL_TEXT:
        return
    plain = text.replace("\\\\", "").replace('\\"', "")
    if plain.count('"') > 2 * _MOST_STRINGS:
        raise ModelFormatError("it has too many strings")
    outside = plain.split('"')[::2]
    if sum(part.count("[") + part.count("{") for part in outside) > _MOST_LISTS:
        raise ModelFormatError("it has too many lists")
    if sum(part.count(",") for part in outside) > _MOST_VALUES:
        raise ModelFormatError("it has too many values")


def number(what: str, value: object, *, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a finite number within [low, high], or raise ModelFormatError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ModelFormatError(f"{what} must be a number from {low:g} to {high:g}")
    return float(value)


def whole(what: str, value: object, *, low: int, high: int) -> int:
    """Return a whole number within [low, high], or raise ModelFormatError."""
    found = number(what, value, low=low, high=high)
    if not found.is_integer():
        raise ModelFormatError(f"{what} must be a whole number")
    return int(found)


def vector(what: str, values: object, *, most: int, size: float = LARGEST) -> Vector:
    """Return a list of finite numbers of at most `size` each, or raise ModelFormatError."""
    found = np.array(values, dtype=np.float64)
    if found.ndim != 1 or found.size > most or not (np.abs(found) <= size).all():
        raise ModelFormatError(f"{what} must be a list of at most {most} numbers of at most {size:g}")
    return found


def name(value: object, *, kind: str) -> str:
    """Return a name that Prophet takes and that can be written down again, or raise ValueError."""
    found = value if isinstance(value, str) and value in BUILT_IN else check_name(value, kind=kind)
    found.encode()
    return found


def names_and_declarations(what: str, value: object) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield what Prophet writes as [[name, …], {name: declaration, …}], or raise ModelFormatError."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], dict):  # noqa: PLR2004
        raise ModelFormatError(f"{what} must be a list of names and their declarations")
    names, declared = value
    if len(set(names)) != len(names) or not all(isinstance(declared.get(each), dict) for each in names):
        raise ModelFormatError(f"{what} must have a declaration for each name")
    for each in names:
        yield name(each, kind=what), declared[each]


def check_mode(what: str, value: object) -> None:
    """Refuse what is no mode of Prophet's."""
    check_one_of(what, value, MODES)


def check_one_of(what: str, value: object, among: tuple[str, ...]) -> None:
    """Refuse what is none of a few words."""
    if value not in among:
        raise ModelFormatError(f"{what} must be one of {', '.join(among)}")


def check_settings(settings: Settings) -> None:
    """Refuse settings that a forecast depends on and cannot use."""
    if settings.growth not in GROWTHS or settings.scaling not in SCALINGS:
        raise ModelFormatError(
            f"growth must be one of {', '.join(GROWTHS)}, scaling of {', '.join(SCALINGS)}"
        )
    check_mode("seasonality_mode", settings.seasonality_mode)
    check_mode("holidays_mode", settings.holidays_mode)
    number("interval_width", settings.interval_width, low=0.0, high=math.nextafter(1.0, 0.0))
    if not isinstance(settings.uncertainty_samples, int) or settings.uncertainty_samples < 0:
        raise ModelFormatError("uncertainty_samples must be a whole number of at least 0")


def check_dates(stamps: Stamps, *, what: str) -> None:
    """Refuse dates that are none, not ascending, or not of the years 1 to 9999."""
    if not stamps.size or (np.diff(stamps) < 0).any():
        raise ModelFormatError(f"{what} must be dates in ascending order")
    if stamps[0] < FIRST_DAY * DAY or stamps[-1] >= (LAST_DAY + 1) * DAY:
        raise ModelFormatError(f"{what} must lie in the years 1 to 9999")


def check_growth(settings: Settings, parameters: Parameters) -> None:
    """Refuse a logistic trend whose rate is zero somewhere: its offset there is not defined."""
    if not has_rates(settings.growth, parameters):
        raise ModelFormatError("the rate of logistic growth must not be 0")
