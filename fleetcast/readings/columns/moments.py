"""Turns texts with the same template into moments: microseconds since 1970, or a reason against the text."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.columns.layouts import DIGITS_OF_UNITS, MONTHS, NO_EPOCH, Layout
from fleetcast.readings.columns.parsed import Codes
from fleetcast.readings.columns.texts import ZERO, Shape
from fleetcast.readings.columns.zones import GAP, OVERLAP, offsets

Integers: TypeAlias = NDArray[np.int64]
Why: TypeAlias = NDArray[np.int8]
"""The index into `REASONS` of each text, shape (texts,); 0 if the text is a time."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
FIRST, LAST = (
    int(np.datetime64(f"{year}-01-01", "us").astype(np.int64)) for year in (FIRST_YEAR, LAST_YEAR + 1)
)
"""The range of accepted times, in microseconds since 1970; the last is excluded."""
MONTH_STARTS = (
    np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-02", dtype="M8[M]").astype("M8[D]").view(np.int64)
)
"""The first day of each month, in days since 1970."""
SECOND, MINUTE, HOUR = 10**6, 60 * 10**6, 3600 * 10**6
LARGEST_OFFSET = 14 * HOUR
MONTHS_OF_A_YEAR, HOURS_OF_HALF, SIXTY = 12, 12, 60
SHORT_YEARS_OF_1900 = 69
"""First of the two-digit years that belong to the 20th century, as in strptime."""

NO_DAY, NO_YEAR, NO_CLOCK, NO_OFFSET, IN_GAP, IN_OVERLAP, OTHER_OFFSET, FRACTION, TOO_EARLY = range(1, 10)
REASONS = (
    "",
    "is not a day of the calendar",
    f"has a year outside {FIRST_YEAR} to {LAST_YEAR}",
    "has no such time of day",
    "has an offset that no zone has",
    GAP,
    OVERLAP,
    "has an offset that its zone does not have at this time",
    "is a date with a fraction",
    NO_EPOCH,
)


def moments_of(shape: Shape, layout: Layout) -> tuple[Integers, Why]:
    """Return the moments of texts, and for each text an index into `REASONS`; both of shape (texts,)."""
    why = np.zeros(len(shape.places), np.int8)
    digits = shape.codes - ZERO
    if layout.unit:
        moments = _since_1970(digits, layout)
        if layout.doubt:
            _mark(why, digits[:, 0] == 0, TOO_EARLY)
    else:
        moments = _days(digits, layout, why) + _clock(digits, layout, why)
        moments = _to_utc(moments, digits, layout, why)
    if "zeros" in layout.parts:
        _mark(why, digits[:, layout.parts["zeros"]].any(axis=1), FRACTION)
    _mark(why, (moments < FIRST) | (moments >= LAST), NO_YEAR)
    return moments, why


def _mark(why: Why, wrong: NDArray[np.bool_] | np.bool_, reason: int) -> None:
    """Set the reason of wrong texts that have none yet."""
    if wrong.any():
        why[wrong & (why == 0)] = reason


def _number(digits: Codes, layout: Layout, name: str, default: int = 0) -> Integers:
    """Return the number in one part of each text; the default if the layout does not have the part."""
    part = layout.parts.get(name)
    if part is None or part.start == part.stop:
        return np.full(len(digits), default, np.int64)
    number = digits[:, part.start].astype(np.int64)
    for place in range(part.start + 1, part.stop):
        number *= 10
        number += digits[:, place]
    return number


def _days(digits: Codes, layout: Layout, why: Why) -> Integers:
    """Return the midnight at which each date begins, in microseconds."""
    year = _number(digits, layout, "year")
    if "short_year" in layout.parts:
        short = _number(digits, layout, "short_year")
        year = short + np.where(short < SHORT_YEARS_OF_1900, 2000, 1900)
    month, day = _number(digits, layout, "month", 1), _number(digits, layout, "day", 1)
    if name := layout.words.get("name"):
        month[:] = next(place for place, full in enumerate(MONTHS, 1) if full.startswith(name.lower()[:3]))
    months = np.clip((year - FIRST_YEAR) * MONTHS_OF_A_YEAR + month - 1, 0, len(MONTH_STARTS) - 2)
    first: Integers = MONTH_STARTS[months]
    after: Integers = MONTH_STARTS[months + 1]
    _mark(why, (year < FIRST_YEAR) | (year > LAST_YEAR), NO_YEAR)
    _mark(why, (month < 1) | (month > MONTHS_OF_A_YEAR), NO_DAY)
    _mark(why, (day < 1) | (day > after - first), NO_DAY)
    return (first + day - 1) * (24 * HOUR)


def _clock(digits: Codes, layout: Layout, why: Why) -> Integers:
    """Return the time of day in microseconds; 24:00 is the end of the day."""
    hour, minute, second = (_number(digits, layout, name) for name in ("hour", "minute", "seconds"))
    if half := layout.words.get("half"):
        _mark(why, (hour < 1) | (hour > HOURS_OF_HALF), NO_CLOCK)
        hour = hour % HOURS_OF_HALF + (HOURS_OF_HALF if half in "pP" else 0)
    clock = hour * HOUR + minute * MINUTE + second * SECOND
    if "fraction" in layout.parts:
        clock += _six(digits[:, layout.parts["fraction"]])
    _mark(why, (minute >= SIXTY) | (second >= SIXTY) | (clock > 24 * HOUR), NO_CLOCK)
    return clock


def _six(digits: Codes) -> Integers:
    """Return the digits after a decimal point as microseconds."""
    micros = np.zeros(len(digits), np.int64)
    for place in range(6):
        micros *= 10
        if place < digits.shape[1]:
            micros += digits[:, place]
    return micros


def _to_utc(local: Integers, digits: Codes, layout: Layout, why: Why) -> Integers:
    words = layout.words
    ahead = np.zeros(len(local), np.int64)
    if sign := words.get("sign"):
        hours, minutes = _number(digits, layout, "zone_hour"), _number(digits, layout, "zone_minute")
        ahead = hours * HOUR + minutes * MINUTE
        _mark(why, (minutes >= SIXTY) | (ahead > LARGEST_OFFSET), NO_OFFSET)
        ahead = -ahead if sign == "-" else ahead
    if "zone" not in words:
        return local - ahead
    local = np.where(why == 0, local, 0)
    before, after = offsets(local, words["zone"])
    if "sign" in words or "utc" in words:
        _mark(why, (before < after) | ((ahead != before) & (ahead != after)), OTHER_OFFSET)
        return local - ahead
    _mark(why, before < after, IN_GAP)
    _mark(why, before > after, IN_OVERLAP)
    return local - before


def _since_1970(digits: Codes, layout: Layout) -> Integers:
    """Return the microseconds of times that are numbers since 1970."""
    number, after = layout.parts["epoch"], DIGITS_OF_UNITS[layout.unit]
    split = max(number.start, number.stop - after)
    seconds = _number(digits, Layout({"whole": slice(number.start, split)}, {}), "whole")
    padding = np.zeros((len(digits), after - (number.stop - split)), np.uint8)
    rest = digits[:, split : number.stop], digits[:, layout.parts.get("fraction", slice(0, 0))]
    moments = seconds * SECOND + _six(np.concatenate([padding, *rest], axis=1))
    return -moments if "minus" in layout.words else moments
