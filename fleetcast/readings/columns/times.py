"""A column of texts to times in UTC: what is beyond doubt is read, all else is refused with the reason."""

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
"""How many texts of a column speak for a way to read those that can be read in two ways."""

MOST_BY_CHANCE = 0.1
"""Of seconds since 1970 one in a hundred is a yyyymmddHH too; a column with more is in doubt."""
LEAST_VALID = {"digits": 0.5, "months": 0.9}
"""Where fewer texts of digits are dates, they are something else: yymmddHHMMSS, numbers, years as 2011-12."""
EMPTY = "says no time: a reading without a time cannot be used"
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


def parse_times(
    texts: Texts, *, date_format: str | None = None, evidence: Evidence | None = None
) -> ParsedColumn:
    """Return the times that `texts` say: datetime64[us], in UTC where they have a zone, else as they are.

    `date_format` is a format as of `strptime`, or epoch_s, epoch_ms, epoch_us, epoch_ns; then nothing else is
    read.  `evidence` decides between two ways to read a text, see `evidence_of_times`; without it `texts` are
    the whole column.
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
    """Return what a part of a column says about how to read all of it; the parts' evidence adds up."""
    return _evidence([(shape, layout_of(shape.template, date_format)) for shape in shapes(texts)])


def notes_on_times(evidence: Evidence) -> tuple[str, ...]:
    """Return what the owner of a column should know about how it was read."""
    zoned, plain = evidence["zone"], evidence["no zone"]
    return (MIXED_ZONES.format(zoned, zoned + plain),) if zoned and plain else ()


def first_of_dates(evidence: Evidence) -> str:
    """Return 'day' or 'month', whichever the dates of a column have first; '' where none shows it."""
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
    """Return why no text of this shape can be read, or ''."""
    if isinstance(layout, str):
        return EMPTY if is_missing(shape.template) else layout
    if "zone" in layout.words and not is_known(layout.words["zone"]):
        return UNKNOWN
    if layout.doubt == "order":
        mark = layout.words["mark"]
        day, month = (evidence[f"{which} {mark}"] for which in ("day", "month"))
        if bool(day) == bool(month):
            return (TWO_ORDERS if day else ORDER_IN_DOUBT).format(mark)
    if layout.doubt in ("", "order", "epoch"):
        return ""
    name = _form(shape, layout)
    share = evidence[name] / max(evidence[f"all {name}"], 1)
    if layout.doubt == "hours":
        return HOURS_IN_DOUBT if share > MOST_BY_CHANCE else ""
    return DIGITS_IN_DOUBT if 0 < share < LEAST_VALID[layout.doubt] else ""


def _form(shape: Shape, layout: Layout) -> str:
    """Return the name under which the texts of digits are counted that are dates."""
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
    """Return a text of digits as a date, one of ten as yyyymmddHH."""
    if layout.doubt != "hours":
        return layout
    date = {"year": slice(0, 4), "month": slice(4, 6), "day": slice(6, 8), "hour": slice(8, 10)}
    return Layout(date, {})


def times_since_1970(micros: Integers, missing: NDArray[np.bool_]) -> ParsedColumn:
    """Return times from `micros` since 1970 where they are not `missing`; both of shape (times,)."""
    outside = ((micros < FIRST) | (micros >= LAST)) & ~missing
    values = np.where(outside | missing, np.datetime64("NaT"), micros.view("datetime64[us]"))
    reasons = dict.fromkeys(np.flatnonzero(missing).tolist(), EMPTY)
    return ParsedColumn(values, reasons | dict.fromkeys(np.flatnonzero(outside).tolist(), REASONS[NO_YEAR]))
