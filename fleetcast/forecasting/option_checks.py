"""What declares an option of a fit, and the checks of single options.

A check returns the value in the type that the model uses, or raises SettingError.  It is called with
the option's name and its value; the message names the option, what is accepted, and the value.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.limits import (
    LARGEST,
    MOST_CHANGEPOINTS,
    MOST_FOURIER_TERMS,
    SMALLEST,
    check_holidays,
)

Check: TypeAlias = Callable[[str, object], object]


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of an option besides its name, its type and its default; the texts are Markdown."""

    check: Check
    accepted: str
    """The accepted values in words."""
    meaning: str
    """A sentence."""
    default_words: str = ""
    """The rule in words, where the default is no fixed value."""


MOST_SAMPLES: Final = 1_000_000
"""Largest whole number of an option without a limit of its own."""


def as_number(value: object) -> float:
    """Return the value as a float, NaN if it is no number; a boolean and a text are none."""
    if isinstance(value, (bool, np.bool_, str)):
        return math.nan
    try:
        return float(cast("float", value))
    except (TypeError, ValueError, OverflowError):
        return math.nan


def one_of(*accepted: str) -> Check:
    """Return the check for one of a few words."""

    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or value not in accepted:
            raise SettingError(f"{name} must be one of {', '.join(map(repr, accepted))}, not {value!r}")
        return str(value)

    return check


def optional(check: Check) -> Check:
    """Return the check that lets None pass and applies `check` to any other value."""
    return lambda name, value: None if value is None else check(name, value)


def positive(name: str, value: object) -> float:
    """Return a finite number above 0."""
    number = as_number(value)
    if not SMALLEST <= number <= LARGEST:
        raise SettingError(
            f"{name} must be a finite number above 0, from {SMALLEST} to {LARGEST}, not {value!r}"
        )
    return number


def whole(name: str, value: object, *, least: int = 0, most: int = MOST_SAMPLES) -> int:
    """Return a whole number from `least` to `most`."""
    number = as_number(value)
    if not number.is_integer() or not least <= number <= most:
        raise SettingError(
            f"{name} must be a whole number of at least {least} and at most {most}, not {value!r:.40}"
        )
    return int(number)


def changepoint_count(name: str, value: object) -> int:
    """Return a whole number of changepoints."""
    return whole(name, value, most=MOST_CHANGEPOINTS)


def sample_count(name: str, value: object) -> int:
    """Return a whole number of samples; False means 0 and True means 1, as for Prophet."""
    return operator.index(value) if isinstance(value, bool) else whole(name, value)


def share(name: str, value: object) -> float:
    """Return a number from 0 to 1."""
    number = as_number(value)
    if not 0 <= number <= 1:
        raise SettingError(f"{name} must be a number from 0 to 1, not {value!r}")
    return number


def interval_width(name: str, value: object) -> float:
    """Return a number of at least 0 and below 1."""
    number = as_number(value)
    if not 0 <= number < 1:
        raise SettingError(f"{name} must be a number of at least 0 and below 1, not {value!r}")
    return number


def fourier_order(name: str, value: object) -> bool | int | str:
    """Return "auto", a boolean or a number of Fourier terms."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return "auto"
    number = as_number(value)
    if not number.is_integer() or not 0 <= number <= MOST_FOURIER_TERMS:
        raise SettingError(
            f"{name} must be 'auto', True, False or a number of Fourier terms, "
            f"at most {MOST_FOURIER_TERMS}, not {value!r:.40}"
        )
    return int(number)


def dates(name: str, value: object) -> tuple[int, ...] | None:
    """Return dates as microseconds since 1970; None stays None."""
    if value is None:
        return None
    try:
        array = np.asarray(value) if np.size(cast("list[str]", value)) else np.empty(0, "datetime64[us]")
        stamps = microseconds(array, name=name)
    except (ValueError, TypeError) as error:
        raise SettingError(str(error)) from error
    if stamps.size > MOST_CHANGEPOINTS:
        raise SettingError(f"{name} must have at most {MOST_CHANGEPOINTS} dates, not {stamps.size}")
    return tuple(stamps.tolist())


def holiday_table(name: str, value: object) -> HolidayTable | None:
    """Return the table of holidays; None stays None."""
    del name  # the table's own messages begin with it
    if value is None:
        return None
    table = HolidayTable.of(value)
    check_holidays(table)
    return table


def stan_backend(name: str, value: object) -> str | None:
    """Return "CMDSTANPY", the only backend of Prophet 1.5, or None."""
    if value not in (None, "CMDSTANPY"):
        raise SettingError(f"{name} must be 'CMDSTANPY' or left out, not {value!r}")
    return None if value is None else "CMDSTANPY"
