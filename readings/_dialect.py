"""How a CSV file is written, seen from its first bytes: encoding, delimiter, decimal sign, header."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from readings._header import DialectError, place_of
from readings._numbers import numbers
from readings._options import ReadingOptions
from readings._times import times

CANDIDATES = (",", ";", "\t", "|")
QUOTE = '"'
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ROWS_LOOKED_AT = 1_000
LONGEST_LINE = 1024 * 1024
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    encoding: str
    """A codec of Python's; it takes a byte order mark off."""
    delimiter: str
    decimal: str
    """'.' or ','."""
    header: tuple[str, ...]
    """The cells of the first line that has any, without the blanks around them; the file may have no header."""
    quote: str = QUOTE


def detect_dialect(
    head: bytes,
    *,
    names: Sequence[Collection[str]] = (),
    options: ReadingOptions | None = None,
    whole: bool = False,
) -> Dialect:
    """Return how a file that begins with `head` is written; `options` decide before the file does.

    `names` has, for each column that must be there, the names it may have.  `whole` says that `head` is the whole
    file.  DialectError says what is in doubt, and which option decides it.
    """
    options = options or ReadingOptions()
    encoding = options.encoding or encoding_of(head, whole=whole)
    text = _decoded(head, encoding, whole=whole)
    candidates = (options.delimiter,) if options.delimiter else CANDIDATES
    rows = {delimiter: first_rows(text, delimiter) for delimiter in candidates}
    if not any(rows.values()):
        raise DialectError("it is empty")
    delimiter = _delimiter(rows, names)
    header = tuple(name.strip() for name in rows[delimiter][0])
    decimal = options.decimal
    if decimal is None:
        cells = (cell.strip() for row in rows[delimiter][1:] for cell in row)
        decimal = "." if delimiter == "," else decimal_of(cells)
    return Dialect(encoding, delimiter, decimal, header)


def encoding_of(head: bytes, *, whole: bool = False) -> str:
    """Return the codec of a text by its first bytes: UTF-8, or what a byte order mark says."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head[:4]:
        raise DialectError(
            "it begins with NUL bytes: if it is UTF-16 without a byte order mark, set encoding"
        )
    _decoded(head, "utf-8", whole=whole)
    return "utf-8"


def _decoded(head: bytes, encoding: str, *, whole: bool) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeError as error:
        place = head[: getattr(error, "start", 0)].count(b"\n") + 1
        raise DialectError(
            f"line {place} is not {encoding.removesuffix('-sig').upper()}; set encoding, for example to cp1252 or latin-1"
        ) from None


def first_rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows that have cells; a row that is cut off or has an open quote is the last."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) > ROWS_LOOKED_AT:
                break
    except csv.Error:
        pass  # what follows is judged where the rows are read
    return rows


def _delimiter(rows: dict[str, list[list[str]]], names: Sequence[Collection[str]]) -> str:
    """Return the delimiter with which the header has the names, else with which the first line is a reading."""
    if len(rows) == 1:
        return next(iter(rows))
    by_name = [delimiter for delimiter, table in rows.items() if _has(table[0] if table else [], names)]
    if len(by_name) > 1 and len({len(rows[delimiter][0]) for delimiter in by_name}) > 1:
        raise DialectError("its delimiter is in doubt; set delimiter")
    if by_name and names:
        return by_name[0]
    readings = [delimiter for delimiter, table in rows.items() if table and _is_reading(table[0])]
    if len(readings) == 1:
        return readings[0]
    return max(rows, key=lambda delimiter: len(rows[delimiter][0]) if rows[delimiter] else 0)


def _has(header: Sequence[str], names: Sequence[Collection[str]]) -> bool:
    cells = [name.strip() for name in header]
    try:
        return all(place_of(cells, alternatives) is not None for alternatives in names)
    except DialectError:
        return True


def _is_reading(row: Sequence[str]) -> bool:
    return (
        len(row) > 1
        and is_time(row[0])
        and not numbers(row[1:2], decimal="," if "," in row[1] else ".").reasons
    )


def is_time(text: str) -> bool:
    """Return whether a text is a time, or one whose day and month are in doubt."""
    reasons = times([text]).reasons
    return not reasons or "set date_format" in reasons[0]


def decimal_of(texts: Iterable[str]) -> str:
    """Return the decimal sign of a file by its cells: ',' only where no cell speaks against it."""
    seen = list(texts)
    commas = [text for text in seen if _COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text)]
    points = [text for text in seen if _POINT.fullmatch(text) and not _THOUSANDS.fullmatch(text)]
    return "," if commas and not points else "."
