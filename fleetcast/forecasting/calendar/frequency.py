"""Frequencies by pandas' aliases, and the future timestamps that they step through, without pandas.

A frequency is one of four kinds of steps; `future_stamps` returns what pandas' `date_range` does.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.calendar.regular_spacing import MONDAY_OFFSET, MONTHS, WEEKDAYS, spacing_of
from fleetcast.forecasting.calendar.timestamps import DAY, LAST_DAY, SECOND, Stamps

_UNITS = {
    "D": DAY,
    "d": DAY,
    "h": 3600 * SECOND,
    "H": 3600 * SECOND,
    "min": 60 * SECOND,
    "T": 60 * SECOND,
    "s": SECOND,
    "S": SECOND,
    "ms": SECOND // 1000,
    "L": SECOND // 1000,
    "us": 1,
    "U": 1,
}
_MONTHS_AND_DAY = {
    "MS": (1, "start"),
    "ME": (1, "end"),
    "M": (1, "end"),
    "QS": (3, "start"),
    "QE": (3, "end"),
    "Q": (3, "end"),
    "YS": (12, "start"),
    "AS": (12, "start"),
    "YE": (12, "end"),
    "Y": (12, "end"),
    "A": (12, "end"),
}
"""Months in one step, and whether it falls on the first or the last day of a month, by alias."""
_MOST_CHARACTERS = 64
"""Longest alias."""
_BEYOND = "the forecast would reach beyond the year 9999; ask for fewer periods or a smaller freq"
_ACCEPTED = "D, h, min, s, ms, us, W, W-MON .. W-SUN, B, MS, ME, QS, QE, YS, YE, or a multiple such as 15min"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Steps of equal length."""

    step: int
    """Microseconds."""

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return self.step


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every `count`-th week on one weekday; Monday is 0."""

    count: int
    weekday: int

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return 7 * DAY * self.count


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """Every `count`-th day from Monday to Friday."""

    count: int

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return DAY * self.count


@dataclass(frozen=True, slots=True)
class Monthly:
    """The first or the last day of every `count`-th month among those with number ≡ residue (mod months)."""

    count: int
    months: int
    """1, 3 or 12."""
    residue: int
    """The number of such a month; January is 0."""
    at_end: bool
    """Whether it is the last day."""

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return 28 * DAY * self.months * self.count


Frequency: TypeAlias = Fixed | Weekly | BusinessDays | Monthly


def future_stamps(history: Stamps, periods: int, freq: str | None) -> Stamps:
    """Return the timestamps after the last one of a history, shape (periods,), with its time of day.

    `history` ascends.  As in pandas, steps with an anchor (weeks, months, …) begin at the first anchor after
    the last timestamp.  If `freq` is None, it is inferred from the last five timestamps.

    Raises FutureError if the frequency cannot be inferred, or if the timestamps reach beyond the year 9999.
    """
    frequency = infer_frequency(history[-5:]) if freq is None else parse_frequency(freq)
    last = int(history[-1])
    if periods * frequency.least > (LAST_DAY + 1) * DAY - last:
        raise FutureError(_BEYOND)
    stamps = _after(last, frequency, periods)
    if int(stamps[-1]) >= (LAST_DAY + 1) * DAY:
        raise FutureError(_BEYOND)
    return stamps


def _after(last: int, frequency: Frequency, periods: int) -> Stamps:
    """Return the first timestamps after `last`."""
    if isinstance(frequency, Fixed):
        return last + frequency.step * np.arange(1, periods + 1)
    day, clock = divmod(last, DAY)
    steps = np.arange(periods + 1)
    if isinstance(frequency, Weekly):
        ahead = (frequency.weekday - day - MONDAY_OFFSET) % 7
        dates = day + ahead + 7 * frequency.count * steps
    elif isinstance(frequency, BusinessDays):
        first = np.busday_offset(np.datetime64(day, "D"), 0, roll="forward")
        dates = np.busday_offset(first, frequency.count * steps).astype(np.int64)
    else:
        dates = _months(day, frequency, steps)
    stamps = dates * DAY + clock
    return stamps[stamps > last][:periods]


def _months(day: int, frequency: Monthly, steps: Stamps) -> Stamps:
    """Return the days of a monthly frequency from `day` on, in days since 1970."""
    month = int(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))
    ahead = (frequency.residue - month) % frequency.months
    first_day = np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64)
    if not frequency.at_end and ahead == 0 and day > first_day:
        ahead = frequency.months
    months = month + ahead + frequency.count * frequency.months * steps + int(frequency.at_end)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - int(frequency.at_end)


def parse_frequency(freq: str) -> Frequency:
    """Return the frequency of a pandas alias; raises FutureError with what is accepted."""
    if not isinstance(freq, str) or len(freq) > _MOST_CHARACTERS:
        raise FutureError(f"freq must be one of {_ACCEPTED}, not {repr(freq)[:_MOST_CHARACTERS]}")
    return _parsed(freq)


@lru_cache(maxsize=256)
def _parsed(freq: str) -> Frequency:
    """Return the frequency of an alias; raises FutureError."""
    match = re.fullmatch(r"(\d{0,18})([A-Z]+)(?:-([A-Z]{3}))?", freq)
    if match and match[2] not in _UNITS:
        count, alias, anchor = int(match[1] or 1), match[2], match[3]
        if alias == "W" and count and (anchor or "SUN") in WEEKDAYS:
            return Weekly(count, WEEKDAYS.index(anchor or "SUN"))
        if alias == "B" and count and anchor is None:
            return BusinessDays(count)
        if alias in _MONTHS_AND_DAY and count and (anchor is None or (anchor in MONTHS and alias[0] != "M")):
            months, where = _MONTHS_AND_DAY[alias]
            month = MONTHS.index(anchor) if anchor else (0 if where == "start" else 11)
            return Monthly(count, months, month % months, where == "end")
    return Fixed(_step(freq))


def _step(freq: str) -> int:
    """Return the length of a step such as 15min or 1D12h in microseconds; raises FutureError."""
    part = r"(\d{1,18}(?:\.\d{1,18})?)?(" + "|".join(sorted(_UNITS, key=len, reverse=True)) + ")"
    if not re.fullmatch(f"(?:{part})+", freq):
        raise FutureError(f"freq must be one of {_ACCEPTED}, not {freq!r}")
    step = math.fsum(float(count or 1) * _UNITS[unit] for count, unit in re.findall(part, freq))
    if step < 1 or not step.is_integer():
        raise FutureError(f"freq must be a whole number of microseconds above 0, not {freq!r}")
    return int(step)


def infer_frequency(stamps: Stamps) -> Frequency:
    """Return the frequency of a few ascending timestamps; raises FutureError if they have none."""
    alias = spacing_of(stamps)
    if alias is None:
        raise FutureError(
            f"freq cannot be inferred, as the last {stamps.size} timestamps of the model are too few "
            f"or not regular; pass freq, one of {_ACCEPTED}"
        )
    return parse_frequency(alias)
