"""Turns rows of texts into CSV lines, and gives a reason for each row that cannot be used."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from container import quoted
from fleetcast import readings
from processing.columns import Columns
from processing.raw_files import Batch, RefusedRow

LONGEST_CUSTOMER_BYTES: Final = 200
"""A file name has at most 255 bytes, and `.tar.gz` is added to the customer's name."""
_NOT_UPLOADED: Final = ".sagemaker-ignore"
"""SageMaker does not upload checkpoints whose name contains this."""
_ACCEPTED: Final = (
    f"at most {LONGEST_CUSTOMER_BYTES} bytes, no '/', no '.' before it, no '.tar.gz' after it, "
    f"no '{_NOT_UPLOADED}' in it, no control characters"
)
_NO_CUSTOMER: Final = frozenset({"", "nan", "null", "none", "<na>", "#n/a"})
"""Texts that are not a customer; NA is one, because it may be Namibia."""


class UsableRows(NamedTuple):
    """Rows that can be used; all fields have shape (rows,)."""

    customers: Sequence[str]
    lines: Sequence[str]
    """CSV lines of time, value and regressors; the time is in ISO 8601, so the lines sort by it."""
    numbers: Sequence[int]
    """The line of the file at which each row begins."""


def usable_rows(
    batch: Batch, columns: Columns, *, decimal: str, date_format: str | None, evidence: Counter[str]
) -> tuple[UsableRows, list[RefusedRow], int]:
    """Return the usable rows, the refused rows, and the number of rows that `columns` selects."""
    places = _matching(batch, columns)
    cells = [_selected(texts, places) for texts in batch.columns]
    names = columns.numbers()
    reasons = _name_reasons(cells[0], columns.customer_id)
    parsed = [_times(cells[1], date_format, evidence)]
    for name, texts in zip(names, cells[2:], strict=False):  # the columns of `where` come after them
        parsed.append(_numbers(texts, decimal, booleans=name != columns.value))
    for name, texts, (_, because) in zip((columns.timestamp, *names), cells[1:], parsed, strict=False):
        _add_reasons(reasons, name, texts, because)
    fields = [texts for texts, _ in parsed]
    good: Sequence[int] = range(len(places))
    good = [place for place in good if place not in reasons] if reasons else good
    inside = _inside(fields[0], good, columns)
    refused = [
        RefusedRow(batch.lines[places[place]], batch.row(places[place]), reason)
        for place, reason in sorted(reasons.items())
    ]
    lines = map(",".join, zip(*(_selected(texts, inside) for texts in fields), strict=True))
    outside = len(good) - len(inside)
    numbers = [batch.lines[places[place]] for place in inside]
    return UsableRows(_selected(cells[0], inside), list(lines), numbers), refused, len(places) - outside


def distinct(texts: Sequence[str]) -> list[str]:
    """Return each text once."""
    return list(dict.fromkeys(texts))


def _matching(batch: Batch, columns: Columns) -> Sequence[int]:
    places: Sequence[int] = range(len(batch.lines))
    first = len(columns.names()) - len(columns.where)
    for texts, (_, text) in zip(batch.columns[first:], columns.where, strict=True):
        places = [place for place in places if texts[place] == text]
    return places


def _inside(times: Sequence[str], places: Sequence[int], columns: Columns) -> Sequence[int]:
    """Return the places whose time lies within `since` and `before`; times as texts sort as times do."""
    if columns.since:
        places = [place for place in places if times[place] >= columns.since]
    if columns.before:
        places = [place for place in places if times[place] < columns.before]
    return places


def _selected(texts: Sequence[str], places: Sequence[int]) -> Sequence[str]:
    return texts if len(places) == len(texts) else list(map(texts.__getitem__, places))


def _add_reasons(
    reasons: dict[int, str], column: str, texts: Sequence[str], because: Mapping[int, str]
) -> None:
    """Add the reasons against the texts of a column, for rows that have no reason yet."""
    for place, reason in because.items():
        reasons.setdefault(place, f"{column} {quoted(texts[place])} {reason}")


def _name_reasons(customers: Sequence[str], column: str) -> dict[int, str]:
    wrong = {name: reason for name in distinct(customers) if (reason := _reason_against_name(name))}
    if not wrong:
        return {}
    return {place: f"{column} {wrong[name]}" for place, name in enumerate(customers) if name in wrong}


def _reason_against_name(name: str) -> str | None:
    if name.strip().lower() in _NO_CUSTOMER:
        return f"{quoted(name)} is not the name of a customer"
    wrong = name.startswith(".") or name.endswith(".tar.gz") or "/" in name or _NOT_UPLOADED in name
    wrong = wrong or _has_control(name)
    if wrong or len(name.encode()) > LONGEST_CUSTOMER_BYTES:
        return f"{quoted(name)} cannot name a folder and an archive ({_ACCEPTED})"
    return None


def _has_control(name: str) -> bool:
    return not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name)


def _times(
    texts: Sequence[str], date_format: str | None, evidence: Counter[str]
) -> tuple[Sequence[str], Mapping[int, str]]:
    """Return times such as 2026-01-31 13:45:00, in UTC, and the reasons against texts by index."""
    once = distinct(texts)
    parsed = readings.parse_times(once, date_format=date_format, evidence=evidence)
    times = as_text(parsed.values)
    if len(once) == len(texts):
        return times, parsed.reasons
    by_text = dict(zip(once, times, strict=True))
    wrong = {once[place]: reason for place, reason in parsed.reasons.items()}
    because = {place: wrong[text] for place, text in enumerate(texts) if text in wrong} if wrong else {}
    return list(map(by_text.__getitem__, texts)), because


def as_text(times: NDArray[np.datetime64]) -> list[str]:
    """Return times as text, with a fraction of a second only if it is not 0."""
    if not len(times):
        return []
    seconds = times.astype("datetime64[s]")
    texts = "\n".join(np.datetime_as_string(seconds).tolist()).replace("T", " ").split("\n")
    places = np.flatnonzero((seconds != times) & ~np.isnat(times))
    exact = np.datetime_as_string(times[places], unit="us").tolist()
    for place, text in zip(places.tolist(), exact, strict=True):
        texts[place] += text[19:].rstrip("0")
    return texts


def _numbers(
    texts: Sequence[str], decimal: str, *, booleans: bool
) -> tuple[Sequence[str], Mapping[int, str]]:
    """Return the shortest texts of the numbers, and the reasons against texts by index."""
    parsed = readings.parse_numbers(texts, decimal=decimal, booleans=booleans)
    because = dict(parsed.reasons)
    for place in np.flatnonzero(np.isnan(parsed.values)).tolist():
        because.setdefault(place, "is missing")
    written = msgspec.json.encode(parsed.values.tolist())[1:-1].decode().split(",") if texts else []
    return written, because
