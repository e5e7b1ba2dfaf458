"""Groups texts that differ only in their digits, as matrices of bytes, so that NumPy parses them at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fleetcast.readings.columns.parsed import Codes, Places, Texts, as_text

LONGEST = 64
"""Most bytes of a time."""
NEWLINE = ord("\n")
ZERO, TEN = np.uint8(ord("0")), np.uint8(10)
_ALL_ZEROS = bytes.maketrans(b"123456789", b"000000000")
BLANKS = " \t\r\n\v\f"
BLANK = ord(" ")
"""The smallest byte of a time; smaller ones are control characters."""
SHAPES_ONE_BY_ONE = 16
"""Most shapes of one width that are separated by comparison; the texts of the others are sorted."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The texts of a column that have the same template."""

    template: str
    """The text with 0 for each digit."""
    places: Places
    """Their indices in the column, shape (texts,)."""
    codes: Codes
    """Their bytes, shape (texts, width)."""


def shapes(texts: Texts) -> Iterator[Shape]:
    """Yield each shape of `texts`, stripped of blanks; the template of texts above `LONGEST` bytes is '?'."""
    count = len(texts)
    if not count:
        return
    content = _lines(texts)
    codes = np.frombuffer(content, np.uint8)
    ends = _ends(codes, count)
    if len(ends) != count or _has_blanks_around(codes, ends):
        content = _lines([as_text(text).strip(BLANKS).replace("\n", "\0") for text in texts])
        codes = np.frombuffer(content, np.uint8)
        ends = _ends(codes, count)
    starts = np.concatenate([[0], ends[:-1] + 1])
    widths = np.minimum(ends - starts, LONGEST + 1)
    first = int(widths[0])
    if first <= LONGEST and (widths == first).all():
        yield from _shapes(codes.reshape(count, first + 1)[:, :-1], np.arange(count))
        return
    for width in np.unique(widths).tolist():
        places = np.flatnonzero(widths == width)
        if width > LONGEST:
            yield Shape("?", places, np.empty((len(places), 0), np.uint8))
        else:
            yield from _shapes(sliding_window_view(codes, width)[starts[places]], places)


def _ends(codes: Codes, count: int) -> Places:
    """Return the indices of the newlines in `codes`, one for each of `count` texts."""
    width = len(codes) // count
    if len(codes) == width * count:
        ends = np.arange(width - 1, len(codes), width)
        if (codes[ends] == NEWLINE).all() and np.count_nonzero(codes == NEWLINE) == count:
            return ends
    return np.flatnonzero(codes == NEWLINE)


def _has_blanks_around(codes: Codes, ends: Places) -> bool:
    starts = ends[:-1] + 1
    return any(bool((codes[places] <= BLANK).any()) for places in ([0], starts, ends - 1))


def _shapes(codes: Codes, places: Places) -> Iterator[Shape]:
    """Yield the shapes of texts of one width."""
    digits = codes - ZERO < TEN
    if (digits == digits[0]).all():
        signs = codes[:, ~digits[0]]
        if (signs == signs[0]).all():
            yield Shape(_template(codes[0]), places, codes)
            return
    templates = np.where(digits, ZERO, codes)
    for _ in range(SHAPES_ONE_BY_ONE):
        alike = (templates == templates[0]).all(axis=1)
        yield Shape(_template(templates[0]), places[alike], codes[alike])
        templates, places, codes = templates[~alike], places[~alike], codes[~alike]
        if not len(places):
            return
    rows = np.ascontiguousarray(templates).view(f"V{templates.shape[1]}").ravel()
    order = np.argsort(rows, kind="stable")
    bounds = np.flatnonzero(rows[order][1:] != rows[order][:-1]) + 1
    for part in np.split(order, bounds):
        yield Shape(_template(templates[part[0]]), places[part], codes[part])


def _template(codes: Codes) -> str:
    return codes.tobytes().translate(_ALL_ZEROS).decode("ascii", errors="replace")


def _lines(texts: Texts) -> bytes:
    if isinstance(texts[0], bytes):
        return b"\n".join([*texts, b""])
    return "\n".join([*texts, ""]).encode(errors="replace")
