"""Texts of equal shape together, as matrices of bytes: what is read for one is read for all at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readings._parsed import Places, Texts

LONGEST = 64
"""Bytes of the longest text that can be a time."""
NEWLINE, ZERO, NINE = b"\n09"
BLANKS = " \t\r\v\f"
SHAPES_ONE_BY_ONE = 16
"""So many shapes of one width are found by comparison; the rest is sorted."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The texts of one column that differ in their digits alone."""

    template: str
    """Such a text with 0 for each digit."""
    places: Places
    """Where in the column they are, shape (texts,)."""
    codes: NDArray[np.uint8]
    """Their bytes, shape (texts, width)."""


def shapes(texts: Texts) -> Iterator[Shape]:
    """Yield each shape that `texts` have without the blanks around them; one too long has the template '?'."""
    count = len(texts)
    if not count:
        return
    content = _joined(texts)
    codes = np.frombuffer(content, np.uint8)
    width = len(content) // count
    if len(content) == width * count and width <= LONGEST + 1:
        table = codes.reshape(count, width)
        if (table[:, -1] == NEWLINE).all():
            yield from _shapes(table[:, :-1], np.arange(count))
            return
    ends = np.flatnonzero(codes == NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    widths = np.minimum(ends - starts, LONGEST + 1)
    for width in np.unique(widths).tolist():
        places = np.flatnonzero(widths == width)
        if width > LONGEST:
            yield Shape("?", places, np.empty((len(places), 0), np.uint8))
        else:
            yield from _shapes(codes[starts[places, None] + np.arange(width)], places)


def _shapes(codes: NDArray[np.uint8], places: Places) -> Iterator[Shape]:
    """Yield the shapes of texts of one width."""
    templates = np.where((codes >= ZERO) & (codes <= NINE), np.uint8(ZERO), codes)
    for _ in range(SHAPES_ONE_BY_ONE):
        alike = (templates == templates[0]).all(axis=1)
        if alike.all():
            yield Shape(_template(templates[0]), places, codes)
            return
        yield Shape(_template(templates[0]), places[alike], codes[alike])
        templates, places, codes = templates[~alike], places[~alike], codes[~alike]
    rows = np.ascontiguousarray(templates).view(f"V{templates.shape[1]}").ravel()
    order = np.argsort(rows, kind="stable")
    bounds = np.flatnonzero(rows[order][1:] != rows[order][:-1]) + 1
    for part in np.split(order, bounds):
        yield Shape(_template(templates[part[0]]), places[part], codes[part])


def _template(codes: NDArray[np.uint8]) -> str:
    return codes.tobytes().decode("ascii", errors="replace")


def _joined(texts: Texts) -> bytes:
    """Return the texts as lines, each without the blanks around it."""
    content = _lines(texts)
    if content.count(b"\n") != len(texts):
        return _lines([_text(text).strip(BLANKS).replace("\n", "\0") for text in texts])
    around = b"\n" + content
    if any(
        pair in around
        for blank in BLANKS.encode()
        for pair in (bytes([blank, NEWLINE]), bytes([NEWLINE, blank]))
    ):
        return _lines([_text(text).strip(BLANKS) for text in texts])
    return content


def _lines(texts: Texts) -> bytes:
    if isinstance(texts[0], bytes):
        return b"\n".join([*texts, b""])  # type: ignore[list-item]
    return "\n".join([*texts, ""]).encode(errors="replace")  # type: ignore[list-item]


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")
