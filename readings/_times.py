"""A column of texts to times in UTC: what is beyond doubt is read, all else is refused with the reason."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from readings._layouts import DIGITS_OF_UNITS, MONTHS, NO_EPOCH, Layout, layout
from readings._parsed import Parsed, Texts, is_missing
from readings._texts import Shape, shapes
from readings._zones import GAP, OVERLAP, UNKNOWN, is_known, offsets

Integers: TypeAlias = NDArray[np.int64]
Evidence: TypeAlias = Counter[str]
"""How many texts of a column speak for a way to read those that can be read in two ways."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
FIRST, LAST = (
    int(np.datetime64(f"{year}-01-01", "us").astype(np.int64)) for year in (FIRST_YEAR, LAST_YEAR + 1)
)
"""Microseconds since 1970 within which a time must be."""
MONTH_STARTS = (
    np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-02", dtype="M8[M]").astype("M8[D]").view(np.int64)
)
"""The first day of each month, in days since 1970."""
SECOND, MINUTE, HOUR = 10**6, 60 * 10**6, 3600 * 10**6
LARGEST_OFFSET = 14 * HOUR
ZERO = 48
MONTHS_OF_A_YEAR, HOURS_OF_HALF, SIXTY = 12, 12, 60
MOST_BY_CHANCE = 0.1
"""Of seconds since 1970 one in a hundred is a yyyymmddHH too; a column with more is in doubt."""
LEAST_VALID = {"digits": 0.5, "months": 0.9}
"""Where fewer texts of digits are dates, they are something else: yymmddHHMMSS, numbers, years as 2011-12."""
SHORT_YEARS_OF_1900 = 69
"""Years of two digits from here on are of the 20th century, as in strptime."""

EMPTY = "says no time: a reading without a time cannot be used"
NO_DAY, NO_YEAR, NO_CLOCK, NO_OFFSET, IN_GAP, IN_OVERLAP, OTHER_OFFSET, FRACTION, TOO_EARLY = range(1, 10)
REASONS = (
    "",
    "is no day of the calendar",
    f"has a year outside {FIRST_YEAR} to {LAST_YEAR}",
    "has no such time of day",
    "has an offset that no zone has",
    GAP,
    OVERLAP,
    "has an offset that its zone does not have at this time",
    "is a date with a fraction",
    NO_EPOCH,
)
ORDER_IN_DOUBT = (
    "may have the day or the month first, and no other text of the column decides; "
    "set date_format, for example to %d{0}%m{0}%Y"
)
TWO_ORDERS = (
    "is in a column where some texts have the day first and others the month; "
    "set date_format, for example to %d{0}%m{0}%Y"
)
HOURS_IN_DOUBT = "may be yyyymmddHH or seconds since 1970; set date_format to %Y%m%d%H or to epoch_s"
DIGITS_IN_DOUBT = (
    "is in a column where many texts of this form are no times, so that none of them is beyond doubt; "
    "set date_format"
)
MIXED_ZONES = "times with a zone, converted to UTC: {0} of {1}; the others were taken as they are"


def times(texts: Texts, *, date_format: str | None = None, evidence: Evidence | None = None) -> Parsed:
    """Return the times that `texts` say: datetime64[us], in UTC where they have a zone, else as they are.

    `date_format` is a format as of `strptime`, or epoch_s, epoch_ms, epoch_us, epoch_ns; then nothing else is
    read.  `evidence` decides between two ways to read a text, see `evidence_of_times`; without it `texts` are
    the whole column.
    """
    groups = [(shape, layout(shape.template, date_format)) for shape in shapes(texts)]
    if evidence is None:
        evidence = _evidence(groups)
    values = np.full(len(texts), np.datetime64("NaT"), "datetime64[us]")
    reasons: dict[int, str] = {}
    for shape, found in groups:
        reason = _refusal(shape, found, evidence)
        if reason or isinstance(found, str):
            reasons |= dict.fromkeys(shape.places.tolist(), reason)
            continue
        moments, why = _moments(shape, _ordered(found, evidence))
        values[shape.places] = moments.view("datetime64[us]")
        values[shape.places[why > 0]] = np.datetime64("NaT")
        for row in np.flatnonzero(why).tolist():
            reasons[int(shape.places[row])] = REASONS[why[row]]
    return Parsed(values, reasons, notes_on_times(evidence))


def evidence_of_times(texts: Texts, *, date_format: str | None = None) -> Evidence:
    """Return what a part of a column says about how to read all of it; the parts' evidence adds up."""
    return _evidence([(shape, layout(shape.template, date_format)) for shape in shapes(texts)])


def notes_on_times(evidence: Evidence) -> tuple[str, ...]:
    """Return what the owner of a column should know about how it was read."""
    zoned, plain = evidence["zone"], evidence["no zone"]
    return (MIXED_ZONES.format(zoned, zoned + plain),) if zoned and plain else ()


def _evidence(groups: Sequence[tuple[Shape, Layout | str]]) -> Evidence:
    evidence: Evidence = Counter()
    for shape, found in groups:
        if isinstance(found, str):
            continue
        if not found.unit:
            evidence["zone" if {"utc", "sign", "zone"} & found.words.keys() else "no zone"] += len(
                shape.places
            )
        if found.doubt == "order":
            day, month = (
                _moments(shape, _with_order(found, day_first=first))[1] == 0 for first in (True, False)
            )
            evidence[f"day {found.words['mark']}"] += int((day & ~month).sum())
            evidence[f"month {found.words['mark']}"] += int((month & ~day).sum())
        elif found.doubt not in ("", "epoch"):
            valid = _moments(shape, _as_date(found))[1] == 0
            name = _form(shape, found)
            evidence[name] += int(valid.sum())
            evidence[f"all {name}"] += len(valid)
    return evidence


def _refusal(shape: Shape, found: Layout | str, evidence: Evidence) -> str:
    """Return why no text of this shape can be read, or ''."""
    if isinstance(found, str):
        return EMPTY if is_missing(shape.template) else found
    if "zone" in found.words and not is_known(found.words["zone"]):
        return UNKNOWN
    if found.doubt == "order":
        mark = found.words["mark"]
        day, month = (evidence[f"{which} {mark}"] for which in ("day", "month"))
        if bool(day) == bool(month):
            return (TWO_ORDERS if day else ORDER_IN_DOUBT).format(mark)
    if found.doubt in ("", "order", "epoch"):
        return ""
    name = _form(shape, found)
    share = evidence[name] / max(evidence[f"all {name}"], 1)
    if found.doubt == "hours":
        return HOURS_IN_DOUBT if share > MOST_BY_CHANCE else ""
    return DIGITS_IN_DOUBT if 0 < share < LEAST_VALID[found.doubt] else ""


def _form(shape: Shape, found: Layout) -> str:
    """Return the name under which the texts of digits are counted that are dates."""
    return f"{found.doubt} {shape.template.partition('.')[0]}"


def _ordered(found: Layout, evidence: Evidence) -> Layout:
    if found.doubt != "order":
        return found
    return _with_order(found, day_first=evidence[f"day {found.words['mark']}"] > 0)


def _with_order(found: Layout, *, day_first: bool) -> Layout:
    names = ("first", "second") if day_first else ("second", "first")
    order = {"day": found.parts[names[0]], "month": found.parts[names[1]]}
    return Layout({**found.parts, **order}, found.words)


def _as_date(found: Layout) -> Layout:
    """Return a text of digits as a date, one of ten as yyyymmddHH."""
    if found.doubt != "hours":
        return found
    date = {"year": slice(0, 4), "month": slice(4, 6), "day": slice(6, 8), "hour": slice(8, 10)}
    return Layout(date, {})


def _moments(shape: Shape, found: Layout) -> tuple[Integers, NDArray[np.int8]]:
    """Return microseconds since 1970 and, for those that are no times, a number of `REASONS`."""
    why = np.zeros(len(shape.places), np.int8)
    digits = shape.codes - np.uint8(ZERO)
    if found.unit:
        moments = _since_1970(digits, found)
        if found.doubt:
            _mark(why, digits[:, 0] == 0, TOO_EARLY)
    else:
        moments = _days(digits, found, why) + _clock(digits, found, why)
        moments = _to_utc(moments, digits, found, why)
    if "zeros" in found.parts:
        _mark(why, digits[:, found.parts["zeros"]].any(axis=1), FRACTION)
    _mark(why, (moments < FIRST) | (moments >= LAST), NO_YEAR)
    return moments, why


def _mark(why: NDArray[np.int8], wrong: NDArray[np.bool_] | np.bool_, reason: int) -> None:
    """Note a reason where there is none yet."""
    if wrong.any():
        why[wrong & (why == 0)] = reason


def _number(digits: NDArray[np.uint8], found: Layout, name: str, default: int = 0) -> Integers:
    """Return the number that a part of each text is."""
    part = found.parts.get(name)
    if part is None or part.start == part.stop:
        return np.full(len(digits), default, np.int64)
    number = digits[:, part.start].astype(np.int64)
    for place in range(part.start + 1, part.stop):
        number *= 10
        number += digits[:, place]
    return number


def _days(digits: NDArray[np.uint8], found: Layout, why: NDArray[np.int8]) -> Integers:
    """Return the midnight of each date."""
    year = _number(digits, found, "year")
    if "short_year" in found.parts:
        short = _number(digits, found, "short_year")
        year = short + np.where(short < SHORT_YEARS_OF_1900, 2000, 1900)
    month, day = _number(digits, found, "month", 1), _number(digits, found, "day", 1)
    if name := found.words.get("name"):
        month[:] = next(place for place, full in enumerate(MONTHS, 1) if full.startswith(name.lower()[:3]))
    months = np.clip((year - FIRST_YEAR) * MONTHS_OF_A_YEAR + month - 1, 0, len(MONTH_STARTS) - 2)
    first: Integers = MONTH_STARTS[months]
    after: Integers = MONTH_STARTS[months + 1]
    _mark(why, (year < FIRST_YEAR) | (year > LAST_YEAR), NO_YEAR)
    _mark(why, (month < 1) | (month > MONTHS_OF_A_YEAR), NO_DAY)
    _mark(why, (day < 1) | (day > after - first), NO_DAY)
    return (first + day - 1) * (24 * HOUR)


def _clock(digits: NDArray[np.uint8], found: Layout, why: NDArray[np.int8]) -> Integers:
    """Return the time of day in microseconds; 24:00 is the end of the day."""
    hour, minute, second = (_number(digits, found, name) for name in ("hour", "minute", "seconds"))
    if half := found.words.get("half"):
        _mark(why, (hour < 1) | (hour > HOURS_OF_HALF), NO_CLOCK)
        hour = hour % HOURS_OF_HALF + (HOURS_OF_HALF if half in "pP" else 0)
    clock = hour * HOUR + minute * MINUTE + second * SECOND
    if "fraction" in found.parts:
        clock += _six(digits[:, found.parts["fraction"]])
    _mark(why, (minute >= SIXTY) | (second >= SIXTY) | (clock > 24 * HOUR), NO_CLOCK)
    return clock


def _six(digits: NDArray[np.uint8]) -> Integers:
    """Return the digits after a decimal point as microseconds."""
    micros = np.zeros(len(digits), np.int64)
    for place in range(6):
        micros *= 10
        if place < digits.shape[1]:
            micros += digits[:, place]
    return micros


def _to_utc(local: Integers, digits: NDArray[np.uint8], found: Layout, why: NDArray[np.int8]) -> Integers:
    words = found.words
    ahead = np.zeros(len(local), np.int64)
    if sign := words.get("sign"):
        hours, minutes = _number(digits, found, "zone_hour"), _number(digits, found, "zone_minute")
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


def _since_1970(digits: NDArray[np.uint8], found: Layout) -> Integers:
    """Return the microseconds of a number since 1970."""
    number, after = found.parts["epoch"], DIGITS_OF_UNITS[found.unit]
    split = max(number.start, number.stop - after)
    seconds = _number(digits, Layout({"whole": slice(number.start, split)}, {}), "whole")
    padding = np.zeros((len(digits), after - (number.stop - split)), np.uint8)
    rest = digits[:, split : number.stop], digits[:, found.parts.get("fraction", slice(0, 0))]
    moments = seconds * SECOND + _six(np.concatenate([padding, *rest], axis=1))
    return -moments if "minus" in found.words else moments


def times_since_1970(micros: Integers, missing: NDArray[np.bool_]) -> Parsed:
    """Return times from `micros` since 1970 where they are not `missing`; both of shape (times,)."""
    outside = ((micros < FIRST) | (micros >= LAST)) & ~missing
    values = np.where(outside | missing, np.datetime64("NaT"), micros.view("datetime64[us]"))
    reasons = dict.fromkeys(np.flatnonzero(missing).tolist(), EMPTY)
    return Parsed(values, reasons | dict.fromkeys(np.flatnonzero(outside).tolist(), REASONS[NO_YEAR]))
