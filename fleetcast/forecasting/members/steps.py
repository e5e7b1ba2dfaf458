"""Counts time in steps of a frequency: from an origin to a timestamp, and in a season."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import (
    DAY,
    BusinessDays,
    Fixed,
    Frequency,
    Monthly,
    Stamps,
    Weekly,
)

_WEEK: Final = 7 * DAY
_LEAST_OF_A_DAY: Final = 3
"""Fewest steps of a day for the day to be a season."""


@dataclass(frozen=True, slots=True)
class Seasons:
    """Lengths of a short and a long season, in steps; 0 where there is none."""

    short: int
    """A day of hourly readings, a week of daily ones, a year of weekly or monthly ones; a week where the
    spacing of the readings does not divide a day."""
    long: int
    """A week of hourly readings; 0 where the short season is a week or a year."""


def steps_after(origin: int | Stamps, stamps: Stamps, frequency: Frequency) -> Vector:
    """Return how many steps after the origin each timestamp is, of the shape of both; below 0 before it.

    Between two steps it is a fraction, but a timestamp within a month or a business day counts as that
    month's or day's.
    """
    match frequency:
        case Fixed(step):
            return np.asarray((stamps - origin) / step, np.float64)
        case Weekly(count, _):
            return np.asarray((stamps - origin) / (count * _WEEK), np.float64)
        case BusinessDays(count):
            first, last = (np.asarray(time) // DAY for time in (origin, stamps))
            days = np.busday_count(first.astype("datetime64[D]"), last.astype("datetime64[D]"))
            return np.asarray(np.floor(days / count), np.float64)
        case Monthly(count, months, _, _):
            elapsed = _month(np.asarray(stamps)) - _month(np.asarray(origin))
            return np.asarray(np.floor(elapsed / (count * months)), np.float64)


def _month(stamps: Stamps) -> Stamps:
    return stamps.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def seasons_of(frequency: Frequency) -> Seasons:
    """Return the seasons of readings with this frequency."""
    match frequency:
        case Fixed(step) if step < DAY:
            day = DAY // step if DAY % step == 0 and DAY // step >= _LEAST_OF_A_DAY else 0
            week = _WEEK // step if _WEEK % step == 0 else 0
            return Seasons(day, week) if day else Seasons(week, 0)
        case Fixed(step):
            return Seasons(_WEEK // step if step == DAY else 0, 0)
        case BusinessDays(count):
            return Seasons(5 if count == 1 else 0, 0)
        case Weekly(count, _):
            return Seasons(52 // count if 52 % count == 0 else 0, 0)
        case Monthly(count, months, _, _):
            each = count * months
            return Seasons(12 // each if 12 % each == 0 and each < 12 else 0, 0)  # noqa: PLR2004 - months of a year
