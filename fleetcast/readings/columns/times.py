"""Turns a column of texts into times in UTC; a text that could mean two times is refused with the reason."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.columns.layouts import Layout, layout_of
from fleetcast.readings.columns.moments import FIRST, LAST, NO_YEAR, REASONS, Integers, moments_of
from fleetcast.readings.columns.parsed import ParsedColumn, Texts, is_missing
from fleetcast.readings.columns.texts import Shape, shapes
from fleetcast.readings.columns.zones import UNKNOWN, is_known

Evidence: TypeAlias = Counter[str]
"""Number of texts of a column by what they show: the order of day and month, zones, kinds of numbers."""

MOST_BY_CHANCE = 0.1
"""Largest share of seconds since 1970 that are valid as yyyymmddHH too; by chance it is one in a hundred."""
LEAST_VALID = {"digits": 0.5, "months": 0.9}
"""Least share of texts of digits that must be valid dates; with fewer, the column may hold other numbers."""
EMPTY = "says no time: a reading without a time cannot be used"
ORDER_IS_AMBIGUOUS = (
    "may have the day or the month first, and no other text of the column decides; "
    "set date_format, for example to %d{0}%m{0}%Y"
)
TWO_ORDERS = (
    "is in a column where some texts have the day first and others the month; "
    "set date_format, for example to %d{0}%m{0}%Y"
)
HOURS_ARE_AMBIGUOUS = "may be yyyymmddHH or seconds since 1970; set date_format to %Y%m%d%H or to epoch_s"
DIGITS_ARE_UNCERTAIN = (
    "is in a column where many texts of this form are not times, so that none of them is certain; "
    "set date_format"
)
MIXED_ZONES = "times with a zone, converted to UTC: {0} of {1}; the others were taken as they are"


def parse_times(
    texts: Texts, *, date_format: str | None = None, evidence: Evidence | None = None
) -> ParsedColumn:
    """Return the times of `texts`, datetime64[us] of shape (texts,), in UTC if they have a zone.

    `date_format` is a format of `strptime`, or epoch_s, epoch_ms, epoch_us, epoch_ns; other texts are then
    refused.  `evidence`, of `evidence_of_times`, decides how ambiguous texts are read; without it, `texts`
    must be the whole column.
    """
    groups = [(shape, layout_of(shape.template, date_format)) for shape in shapes(texts)]
    if evidence is None:
        evidence = _evidence(groups)
    values = np.full(len(texts), np.datetime64("NaT"), "datetime64[us]")
    reasons: dict[int, str] = {}
    for shape, layout in groups:
        reason = _refusal(shape, layout, evidence)
        if reason or isinstance(layout, str):
            reasons |= dict.fromkeys(shape.places.tolist(), reason)
            continue
        moments, why = moments_of(shape, _ordered(layout, evidence))
        values[shape.places] = moments.view("datetime64[us]")
        values[shape.places[why > 0]] = np.datetime64("NaT")
        for row in np.flatnonzero(why).tolist():
            reasons[int(shape.places[row])] = REASONS[why[row]]
    return ParsedColumn(values, reasons, notes_on_times(evidence))


def evidence_of_times(texts: Texts, *, date_format: str | None = None) -> Evidence:
    """Return the evidence of a part of a column; add up that of all parts and pass it to `parse_times`."""
    return _evidence([(shape, layout_of(shape.template, date_format)) for shape in shapes(texts)])


def notes_on_times(evidence: Evidence) -> tuple[str, ...]:
    """Return sentences that the owner of the column should read: whether only some times have a zone."""
    zoned, plain = evidence["zone"], evidence["no zone"]
    return (MIXED_ZONES.format(zoned, zoned + plain),) if zoned and plain else ()


def first_of_dates(evidence: Evidence) -> str:
    """Return 'day' or 'month', whichever comes first in the dates; '' if they do not show it."""
    shown = {name.partition(" ")[0] for name, count in evidence.items() if count} & {"day", "month"}
    return shown.pop() if len(shown) == 1 else ""


def _evidence(groups: Sequence[tuple[Shape, Layout | str]]) -> Evidence:
    evidence: Evidence = Counter()
    for shape, layout in groups:
        if isinstance(layout, str):
            continue
        if not layout.unit:
            evidence["zone" if {"utc", "sign", "zone"} & layout.words.keys() else "no zone"] += len(
                shape.places
            )
        if layout.doubt == "order":
            day, month = (
                moments_of(shape, _with_order(layout, day_first=first))[1] == 0 for first in (True, False)
            )
            evidence[f"day {layout.words['mark']}"] += int((day & ~month).sum())
            evidence[f"month {layout.words['mark']}"] += int((month & ~day).sum())
        elif layout.doubt not in ("", "epoch"):
            valid = moments_of(shape, _as_date(layout))[1] == 0
            name = _form(shape, layout)
            evidence[name] += int(valid.sum())
            evidence[f"all {name}"] += len(valid)
    return evidence


def _refusal(shape: Shape, layout: Layout | str, evidence: Evidence) -> str:
    """Return why no text of this shape is read, or ''."""
    if isinstance(layout, str):
        return EMPTY if is_missing(shape.template) else layout
    if "zone" in layout.words and not is_known(layout.words["zone"]):
        return UNKNOWN
    if layout.doubt == "order":
        mark = layout.words["mark"]
        day, month = (evidence[f"{which} {mark}"] for which in ("day", "month"))
        if bool(day) == bool(month):
            return (TWO_ORDERS if day else ORDER_IS_AMBIGUOUS).format(mark)
    if layout.doubt in ("", "order", "epoch"):
        return ""
    name = _form(shape, layout)
    share = evidence[name] / max(evidence[f"all {name}"], 1)
    if layout.doubt == "hours":
        return HOURS_ARE_AMBIGUOUS if share > MOST_BY_CHANCE else ""
    return DIGITS_ARE_UNCERTAIN if 0 < share < LEAST_VALID[layout.doubt] else ""


def _form(shape: Shape, layout: Layout) -> str:
    """Return the key in `Evidence` that counts the texts of this shape that are valid dates."""
    return f"{layout.doubt} {shape.template.partition('.')[0]}"


def _ordered(layout: Layout, evidence: Evidence) -> Layout:
    if layout.doubt != "order":
        return layout
    return _with_order(layout, day_first=evidence[f"day {layout.words['mark']}"] > 0)


def _with_order(layout: Layout, *, day_first: bool) -> Layout:
    names = ("first", "second") if day_first else ("second", "first")
    order = {"day": layout.parts[names[0]], "month": layout.parts[names[1]]}
    return Layout({**layout.parts, **order}, layout.words)


def _as_date(layout: Layout) -> Layout:
    """Return the layout that reads a text of digits as a date; ten digits as yyyymmddHH."""
    if layout.doubt != "hours":
        return layout
    date = {"year": slice(0, 4), "month": slice(4, 6), "day": slice(6, 8), "hour": slice(8, 10)}
    return Layout(date, {})


def times_since_1970(micros: Integers, missing: NDArray[np.bool_]) -> ParsedColumn:
    """Return the times of microseconds since 1970, except the `missing` ones; all of shape (times,)."""
    outside = ((micros < FIRST) | (micros >= LAST)) & ~missing
    values = np.where(outside | missing, np.datetime64("NaT"), micros.view("datetime64[us]"))
    reasons = dict.fromkeys(np.flatnonzero(missing).tolist(), EMPTY)
    return ParsedColumn(values, reasons | dict.fromkeys(np.flatnonzero(outside).tolist(), REASONS[NO_YEAR]))
