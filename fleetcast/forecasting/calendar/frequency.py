"""Future timestamps, stepping as pandas' date_range does, without pandas."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.calendar.regular_spacing import MONDAY_OFFSET, MONTHS, WEEKDAYS, spacing_of
from fleetcast.forecasting.calendar.timestamps import DAY, LAST_DAY, SECOND, Stamps

_TICKS = {
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
_MONTHLY = {
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
"""Alias: months in one step, and which day of the month."""
_LONGEST = 64
"""Characters of an alias."""
_BEYOND = "the forecast would reach beyond the year 9999; ask for fewer periods or a smaller freq"
_ACCEPTED = "D, h, min, s, ms, us, W, W-MON .. W-SUN, B, MS, ME, QS, QE, YS, YE, or a multiple such as 15min"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Equal steps."""

    step: int
    """Microseconds."""

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return self.step


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every `count`-th week, on one day of the week (Monday is 0)."""

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
    """The first or last day of the months with number ≡ residue (mod months), every `count`-th of them."""

    count: int
    months: int
    residue: int
    """January is 0."""
    at_end: bool

    @property
    def least(self) -> int:
        """The shortest time between two timestamps, in microseconds."""
        return 28 * DAY * self.months * self.count


Frequency: TypeAlias = Fixed | Weekly | BusinessDays | Monthly


def future_stamps(seen: Stamps, periods: int, freq: str | None) -> Stamps:
    """Return the `periods` timestamps that follow the last of `seen` (ascending), keeping its time of day.

    As pandas does, anchored steps (weeks, months, ...) begin at the first anchor after the last timestamp.
    Without a frequency it is inferred from the last five.  Raises FutureError.
    """
    frequency = infer_frequency(seen[-5:]) if freq is None else parse_frequency(freq)
    last = int(seen[-1])
    if periods * frequency.least > (LAST_DAY + 1) * DAY - last:
        raise FutureError(_BEYOND)
    stamps = _after(last, frequency, periods)
    if int(stamps[-1]) >= (LAST_DAY + 1) * DAY:
        raise FutureError(_BEYOND)
    return stamps


def _after(last: int, frequency: Frequency, periods: int) -> Stamps:
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
    month = int(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))
    ahead = (frequency.residue - month) % frequency.months
    first_day = np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64)
    if not frequency.at_end and ahead == 0 and day > first_day:
        ahead = frequency.months
    months = month + ahead + frequency.count * frequency.months * steps + int(frequency.at_end)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - int(frequency.at_end)


def parse_frequency(freq: str) -> Frequency:
    """Return the frequency of a pandas alias; raises FutureError with what is accepted."""
    if not isinstance(freq, str) or len(freq) > _LONGEST:
        raise FutureError(f"freq must be one of {_ACCEPTED}, not {repr(freq)[:_LONGEST]}")
    return _parsed(freq)


@lru_cache(maxsize=256)
def _parsed(freq: str) -> Frequency:
    found = re.fullmatch(r"(\d{0,18})([A-Z]+)(?:-([A-Z]{3}))?", freq)
    if found and found[2] not in _TICKS:
        count, anchor = int(found[1] or 1), found[3]
        if found[2] == "W" and count and (anchor or "SUN") in WEEKDAYS:
            return Weekly(count, WEEKDAYS.index(anchor or "SUN"))
        if found[2] == "B" and count and anchor is None:
            return BusinessDays(count)
        if found[2] in _MONTHLY and count and (anchor is None or (anchor in MONTHS and found[2][0] != "M")):
            months, where = _MONTHLY[found[2]]
            month = MONTHS.index(anchor) if anchor else (0 if where == "start" else 11)
            return Monthly(count, months, month % months, where == "end")
    return Fixed(_ticks(freq))


def _ticks(freq: str) -> int:
    part = r"(\d{1,18}(?:\.\d{1,18})?)?(" + "|".join(sorted(_TICKS, key=len, reverse=True)) + ")"
    if not re.fullmatch(f"(?:{part})+", freq):
        raise FutureError(f"freq must be one of {_ACCEPTED}, not {freq!r}")
    step = math.fsum(float(count or 1) * _TICKS[unit] for count, unit in re.findall(part, freq))
    if step < 1 or not step.is_integer():
        raise FutureError(f"freq must be a whole number of microseconds above 0, not {freq!r}")
    return int(step)


def infer_frequency(seen: Stamps) -> Frequency:
    """Return the frequency of a few ascending timestamps; raises FutureError where they have none."""
    alias = spacing_of(seen)
    if alias is None:
        raise FutureError(
            f"freq cannot be inferred, as the last {seen.size} timestamps of the model are too few "
            f"or not regular; pass freq, one of {_ACCEPTED}"
        )
    return parse_frequency(alias)
