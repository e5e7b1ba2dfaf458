"""Every constructor argument of Prophet 1.5, checked once and typed."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.calendar.timestamps import microseconds
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.limits import (
    LARGEST,
    MOST_CHANGEPOINTS,
    MOST_FOURIER_TERMS,
    SMALLEST,
    check_holidays,
)
from fleetcast.forecasting.parameters import Growth

Mode: TypeAlias = Literal["additive", "multiplicative"]
Scaling: TypeAlias = Literal["absmax", "minmax"]
Order: TypeAlias = bool | int | Literal["auto"]

GROWTHS = ("linear", "flat", "logistic")
MODES = ("additive", "multiplicative")
SCALINGS = ("absmax", "minmax")
MOST_SAMPLES = 1_000_000
"""And any other whole number without a limit of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is fitted; names, meanings and defaults are those of Prophet's constructor."""

    growth: Growth = "linear"
    changepoints: tuple[int, ...] | None = None
    """Microseconds since 1970."""
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    yearly_seasonality: Order = "auto"
    weekly_seasonality: Order = "auto"
    daily_seasonality: Order = "auto"
    holidays: HolidayTable | None = None
    seasonality_mode: Mode = "additive"
    seasonality_prior_scale: float = 10.0
    holidays_prior_scale: float = 10.0
    changepoint_prior_scale: float = 0.05
    mcmc_samples: int = 0
    interval_width: float = 0.8
    uncertainty_samples: int = 1000
    stan_backend: str | None = None
    scaling: Scaling = "absmax"
    holidays_mode: Mode = "additive"


DEFAULTS = Settings()
NAMES = tuple(field.name for field in fields(Settings))


def settings_from(arguments: Mapping[str, object]) -> Settings:
    """Return the settings of Prophet's constructor arguments; raises SettingError with what is accepted."""
    if not arguments:
        return DEFAULTS
    unknown = [name for name in arguments if name not in _CHECKS]
    if unknown:
        raise SettingError(f"{unknown[0]} is not an argument of Prophet; accepted are {', '.join(NAMES)}")
    checked: dict[str, Any] = {name: _CHECKS[name](name, value) for name, value in arguments.items()}
    if checked.get("holidays_mode") is None:
        checked["holidays_mode"] = checked.get("seasonality_mode", DEFAULTS.seasonality_mode)
    if (changepoints := checked.get("changepoints")) is not None:
        checked["n_changepoints"] = len(changepoints)
    return Settings(**checked)


def positive(name: str, value: object) -> float:
    """Return a finite number above 0, or raise SettingError."""
    number = _number(value)
    if not SMALLEST <= number <= LARGEST:
        raise SettingError(
            f"{name} must be a finite number above 0, from {SMALLEST} to {LARGEST}, not {value!r}"
        )
    return number


def whole(name: str, value: object, *, least: int = 0, most: int = MOST_SAMPLES) -> int:
    """Return a whole number from `least` to `most`, or raise SettingError."""
    number = _number(value)
    if not number.is_integer() or not least <= number <= most:
        raise SettingError(
            f"{name} must be a whole number of at least {least} and at most {most}, not {value!r:.40}"
        )
    return int(number)


def mode(name: str, value: object) -> Mode:
    """Return "additive" or "multiplicative", or raise SettingError."""
    return cast("Mode", _one_of(name, value, MODES))


def _number(value: object) -> float:
    if isinstance(value, (bool, np.bool_, str)):
        return math.nan
    try:
        return float(cast("float", value))
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _one_of(name: str, value: object, accepted: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in accepted:
        raise SettingError(f"{name} must be one of {', '.join(map(repr, accepted))}, not {value!r}")
    return str(value)


def _growth(name: str, value: object) -> str:
    return _one_of(name, value, GROWTHS)


def _scaling(name: str, value: object) -> str:
    return _one_of(name, value, SCALINGS)


def _optional_mode(name: str, value: object) -> Mode | None:
    return None if value is None else mode(name, value)


def _share(name: str, value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise SettingError(f"{name} must be a number from 0 to 1, not {value!r}")
    return number


def interval_width(name: str, value: object) -> float:
    """Return a number of at least 0 and below 1, or raise SettingError."""
    number = _number(value)
    if not 0 <= number < 1:
        raise SettingError(f"{name} must be a number of at least 0 and below 1, not {value!r}")
    return number


def _order(name: str, value: object) -> Order:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return "auto"
    number = _number(value)
    if not number.is_integer() or not 0 <= number <= MOST_FOURIER_TERMS:
        raise SettingError(
            f"{name} must be 'auto', True, False or a number of Fourier terms, "
            f"at most {MOST_FOURIER_TERMS}, not {value!r:.40}"
        )
    return int(number)


def _samples(name: str, value: object) -> int:
    return operator.index(value) if isinstance(value, bool) else whole(name, value)


def _changepoints(name: str, value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        dates = np.asarray(value) if np.size(cast("list[str]", value)) else np.empty(0, "datetime64[us]")
        stamps = microseconds(dates, name=name)
    except (ValueError, TypeError) as error:
        raise SettingError(str(error)) from error
    if stamps.size > MOST_CHANGEPOINTS:
        raise SettingError(f"{name} must have at most {MOST_CHANGEPOINTS} dates, not {stamps.size}")
    return tuple(stamps.tolist())


def _n_changepoints(name: str, value: object) -> int:
    return whole(name, value, most=MOST_CHANGEPOINTS)


def _holidays(name: str, value: object) -> HolidayTable | None:
    del name
    if value is None:
        return None
    table = HolidayTable.of(value)
    check_holidays(table)
    return table


def _backend(name: str, value: object) -> str | None:
    if value not in (None, "CMDSTANPY"):
        raise SettingError(f"{name} must be 'CMDSTANPY' or left out, not {value!r}")
    return None if value is None else "CMDSTANPY"


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "growth": _growth,
    "changepoints": _changepoints,
    "n_changepoints": _n_changepoints,
    "changepoint_range": _share,
    "yearly_seasonality": _order,
    "weekly_seasonality": _order,
    "daily_seasonality": _order,
    "holidays": _holidays,
    "seasonality_mode": mode,
    "seasonality_prior_scale": positive,
    "holidays_prior_scale": positive,
    "changepoint_prior_scale": positive,
    "mcmc_samples": _samples,
    "interval_width": interval_width,
    "uncertainty_samples": _samples,
    "stan_backend": _backend,
    "scaling": _scaling,
    "holidays_mode": _optional_mode,
}
