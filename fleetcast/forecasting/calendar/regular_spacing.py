"""The spacing of timestamps as pandas' alias, whatever their gaps, duplicates, jitter and clock changes."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError
from fleetcast.forecasting.calendar.timestamps import DAY, SECOND, Stamps, datetimes, microseconds

MOST_DATES: Final = 200
"""Number of timestamps, the last ones, that decide: a history may have changed its spacing long ago."""
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONDAY_OFFSET: Final = 3
"""Days from a Monday to 1970-01-01, a Thursday."""
_LEAST_DATES: Final = 3
"""Fewest timestamps that have a spacing."""
_LEAST_EQUAL_STEPS: Final = 3
"""Fewest steps of the most frequent size, if there are others."""
_LEAST_UNEVEN_DATES: Final = 20
"""Fewest timestamps that have a spacing where hardly two steps are equal."""
_MOST_JITTER: Final = 0.1
"""How far a step may be from a whole multiple of a usual step, as a share of that step."""
_MOST_DRIFT: Final = 0.02
"""How far the mean step may be from a usual step, as a share of it: a clock that runs fast or slow."""
_HOUR: Final = 3600 * SECOND
_WEEK: Final = 7 * DAY
_SIXTIETHS: Final = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_USUAL_STEPS: Final = (
    *(SECOND * count for count in _SIXTIETHS),
    *(60 * SECOND * count for count in _SIXTIETHS),
    *(_HOUR * count for count in (1, 2, 3, 4, 6, 8, 12, 24)),
    _WEEK,
)
"""A week, and the steps that divide a minute, an hour or a day evenly, in microseconds."""
_UNITS: Final = {
    "D": DAY,
    "h": _HOUR,
    "min": 60 * SECOND,
    "s": SECOND,
    "ms": SECOND // 1000,
    "us": 1,
}


def spacing(ds: ArrayLike) -> str | None:
    """Return the pandas alias of the spacing of timestamps, such as "15min", or None if they have none.

    `ds`, shape (N,), may be in any order.  The last 200 different timestamps decide.  A step is their spacing
    when it is the most frequent one, at least a third of all, and nine of ten steps are whole multiples of
    it.  Months, quarters and years count from their first or last day ("MS", "QE"), weeks from their most
    frequent weekday ("W-MON"); days that are never on a weekend are business days ("B").

    Where hardly two steps are equal, 20 timestamps or more have a spacing in two cases.  Nine of ten steps
    are within a tenth of a usual step (one that divides a minute, an hour or a day evenly, or a week) from a
    whole multiple of it, two thirds from that step itself, and their mean is within 2 % of it.  Or the
    timestamps fall on different days, and nine of ten times equally many days lie between two of them.

    Raises HistoryError where `ds` does not hold timestamps.
    """
    try:
        stamps = np.unique(microseconds(ds))
    except ValueError as error:
        raise HistoryError(str(error)) from error
    return spacing_of(stamps)


def spacing_of(stamps: Stamps) -> str | None:
    """Return the spacing of timestamps that ascend and are all different; see `spacing`."""
    last = stamps[-MOST_DATES:]
    if last.size < _LEAST_DATES:
        return None
    return (
        _months(last)
        or _business_days(last)
        or _equal_steps(last)
        or _nearly_equal_steps(last)
        or _equal_days(last)
    )


def _months(stamps: Stamps) -> str | None:
    """Return the alias of months, quarters or years, or None."""
    day = datetimes(stamps).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    number = month.astype(np.int64)
    at_start = day == month.astype("datetime64[D]")
    at_end = day + 1 == (month + 1).astype("datetime64[D]")
    if not (_nearly_all(at_start) or _nearly_all(at_end)):
        return None
    stride = _most_frequent(np.diff(number))
    if stride is None:
        return None
    months, letter = next(
        (size, letter) for size, letter in ((12, "Y"), (3, "Q"), (1, "M")) if stride % size == 0
    )
    first = bool(_nearly_all(at_start))
    anchor = int(np.bincount(number % months).argmax())
    usual = 0 if first else months - 1
    ending = "" if anchor == usual else f"-{MONTHS[anchor]}"
    return f"{_multiple(stride // months)}{letter}{'S' if first else 'E'}{ending}"


def _business_days(stamps: Stamps) -> str | None:
    """Return "B" if the timestamps are the days from Monday to Friday, or None."""
    day = datetimes(stamps).astype("datetime64[D]")
    steps = np.busday_count(day[:-1], day[1:])
    weekend_between = int(steps.sum()) < int((day[-1] - day[0]).astype(np.int64))
    if not weekend_between or not np.is_busday(day).all() or _most_frequent(steps) != 1:
        return None
    return "B"


def _equal_steps(stamps: Stamps) -> str | None:
    """Return the alias of weeks, days or parts of a day, or None."""
    steps = np.diff(stamps)
    step = _most_frequent(steps) or _most_frequent(_whole_days(steps))
    if step is None:
        return None
    return _alias(step, stamps)


def _nearly_equal_steps(stamps: Stamps) -> str | None:
    """Return the alias of the usual step that most steps are near, or None."""
    steps = np.diff(stamps)
    if stamps.size < _LEAST_UNEVEN_DATES:
        return None
    for usual in _USUAL_STEPS:
        count = np.rint(steps / usual)
        is_near = (count > 0) & (np.abs(steps - count * usual) <= _MOST_JITTER * usual)
        if not _nearly_all(is_near) or 3 * np.count_nonzero(is_near & (count == 1)) < 2 * steps.size:
            continue
        mean = steps[is_near].sum() / count[is_near].sum()
        if abs(mean - usual) <= _MOST_DRIFT * usual:
            return _alias(usual, stamps[-1:])
    return None


def _equal_days(stamps: Stamps) -> str | None:
    """Return the alias of days or weeks if one timestamp, at any hour, falls on each, or None."""
    days = np.unique(stamps // DAY)
    steps = np.diff(days)
    is_one_a_day = 10 * days.size >= 9 * stamps.size
    if stamps.size < _LEAST_UNEVEN_DATES or not is_one_a_day or not _nearly_all(steps == np.median(steps)):
        return None
    return _equal_steps(days * DAY)


def _alias(step: int, stamps: Stamps) -> str:
    """Return the alias of a step in the largest unit; weeks fall on the most frequent weekday of `stamps`."""
    if step % _WEEK == 0:
        weekday = int(np.bincount((stamps // DAY + MONDAY_OFFSET) % 7).argmax())
        return f"{_multiple(step // _WEEK)}W-{WEEKDAYS[weekday]}"
    unit = next(unit for unit, size in _UNITS.items() if step % size == 0)
    return f"{_multiple(step // _UNITS[unit])}{unit}"


def _whole_days(steps: Stamps) -> Stamps:
    """Return the steps, with those within an hour of whole days rounded: daylight saving time is an hour."""
    nearest = np.rint(steps / DAY).astype(np.int64) * DAY
    return np.where((nearest > 0) & (np.abs(steps - nearest) <= _HOUR), nearest, steps)


def _most_frequent(steps: Stamps) -> int | None:
    """Return the most frequent step if it is the spacing by the rule of `spacing`, or None."""
    sizes, counts = np.unique(steps, return_counts=True)
    step, count = int(sizes[counts.argmax()]), int(counts.max())
    if step <= 0:
        return None
    if sizes.size > 1 and (count < _LEAST_EQUAL_STEPS or 3 * count < steps.size):
        return None
    return step if _nearly_all((steps > 0) & (steps % step == 0)) else None


def _nearly_all(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> bool:
    """Return whether at least nine of ten flags are true."""
    return 10 * int(np.count_nonzero(flags)) >= 9 * flags.size


def _multiple(count: int) -> str:
    """Return the number before an alias; none for 1."""
    return "" if count == 1 else str(count)
