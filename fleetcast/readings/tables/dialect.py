"""Detects how a CSV file is written, from its first bytes: encoding, delimiter, decimal mark, header."""

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from fleetcast.errors import DialectError, EncodingError
from fleetcast.readings.columns import parse_numbers, parse_times
from fleetcast.readings.tables.header import place_of
from fleetcast.readings.tables.options import ReadingOptions

KINDS = (
    (b"\x1f\x8b", "compressed with gzip; its name must end in .gz"),
    (b"PK\x03\x04", "a zip file or an Excel workbook; export it as CSV"),
    (b"PAR1", "Parquet; its name must end in .parquet"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; use gzip"),
    (b"BZh", "compressed with bzip2; use gzip"),
)
Names: TypeAlias = Sequence[Collection[str]]
"""For each required column, the names that it may have."""
CANDIDATES = (",", ";", "\t", "|")
TIME_AND_NUMBER = 2
QUOTE = '"'
NO_FIRST_ROW = "its first line has cells of more than 128 KB, or a quote that does not close"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ROWS_FOR_DECIMAL = 1_000
"""Most rows from which the decimal mark is detected."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    encoding: str
    """A codec of Python that removes a byte order mark."""
    delimiter: str
    decimal: str
    """'.' or ','; '' if no cell shows which, see `decimal_of`."""
    header: tuple[str, ...]
    """The stripped cells of the first line that has any; without a header they are a reading."""
    quote: str = QUOTE


def detect_dialect(
    head: bytes,
    *,
    names: Names = (),
    options: ReadingOptions | None = None,
    whole: bool = False,
) -> Dialect:
    """Return the dialect of a file that begins with `head`; what `options` have is not detected.

    `names` are those of the required columns.  `whole` means that `head` is the whole file.  Raises
    DialectError, which says what is ambiguous and which option decides it.
    """
    options = options or ReadingOptions()
    encoding = encoding_of(head, options.encoding, whole=whole)
    text = decode_text(head, encoding, whole=whole)
    candidates = (options.delimiter,) if options.delimiter else CANDIDATES
    headers = {delimiter: first_rows(text, delimiter, most=1) for delimiter in candidates}
    if not text.strip():
        raise DialectError("is empty: it has no readings")
    headers = {delimiter: rows for delimiter, rows in headers.items() if rows}
    if not headers:
        raise DialectError(f"has no header: {NO_FIRST_ROW}")
    delimiter = _delimiter({delimiter: rows[0] for delimiter, rows in headers.items()}, names, options)
    decimal = options.decimal or "."
    if options.decimal is None and delimiter != ",":
        rows = first_rows(text, delimiter, most=ROWS_FOR_DECIMAL)
        decimal = decimal_of(cell.strip() for row in rows for cell in row)
    return Dialect(encoding, delimiter, decimal, tuple(name.strip() for name in headers[delimiter][0]))


def encoding_of(head: bytes, chosen: str | None = None, *, whole: bool = False) -> str:
    """Return the codec of a file: that of its byte order mark, else the `chosen` one, else UTF-8.

    Raises DialectError for files that are not text, and EncodingError for bytes that are not UTF-8.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    for mark, kind in KINDS:
        if head.startswith(mark):
            raise DialectError(f"is not text but {kind}")
    if chosen is not None:
        return chosen
    if b"\0" in head[:4]:
        raise DialectError("begins with NUL bytes; if it is UTF-16 without a byte order mark, set encoding")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise EncodingError(
            f"is not UTF-8 in line {line}; set encoding, for example to cp1252 or latin-1"
        ) from None
    return "utf-8"


def decode_text(content: bytes, encoding: str, *, whole: bool = True) -> str:
    """Return the text of a file or, if not `whole`, of its beginning.

    Raises EncodingError for bytes that are not UTF-8, and DialectError for another encoding.
    """
    try:
        return codecs.getincrementaldecoder(encoding)().decode(content, final=whole)
    except UnicodeError as error:
        kind = EncodingError if encoding == "utf-8" else DialectError
        raise kind(f"is not a {encoding.removesuffix('-sig').upper()} CSV file: {str(error)[:200]}") from None


def first_rows(text: str, delimiter: str, *, most: int) -> list[list[str]]:
    """Return the first `most` rows that have cells, or those before a quote that does not close."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # parse_table reports it, with its line
        lines = (match[0] for match in _LINE.finditer(text))
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) == most:
                break
    return rows


def _delimiter(headers: Mapping[str, Sequence[str]], names: Names, options: ReadingOptions) -> str:
    """Return the delimiter with which the first line has the required names or, else, is a reading."""
    if len(headers) == 1:
        return next(iter(headers))
    fitting = [delimiter for delimiter, header in headers.items() if names and _has(header, names)]
    fitting = fitting or [mark for mark, header in headers.items() if is_reading(header, options)]
    if len(fitting) > 1:
        marks = " or ".join(map(repr, fitting))
        raise DialectError(f"may have {marks} between its cells; set delimiter")
    return fitting[0] if fitting else max(headers, key=lambda delimiter: len(headers[delimiter]))


def _has(header: Sequence[str], names: Names) -> bool:
    cells = [name.strip() for name in header]
    try:
        return all(place_of(cells, alternatives) is not None for alternatives in names)
    except DialectError:
        return True


def is_reading(row: Sequence[str], options: ReadingOptions) -> bool:
    """Return whether a row begins with a time and a number, so that it is not a header."""
    if len(row) < TIME_AND_NUMBER:
        return False
    reasons = parse_times([row[0]], date_format=options.date_format).reasons
    decimal = options.decimal or ("," if "," in row[1] else ".")
    in_doubt = bool(reasons) and "set date_format" in reasons[0] and options.date_format is None
    return (not reasons or in_doubt) and not parse_numbers([row[1]], decimal=decimal).reasons


def decimal_of(texts: Iterable[str]) -> str:
    """Return the decimal mark that the cells of a file show: '.', ',' or '' if they do not show it.

    It is ',' if a cell such as 7,5 shows it and no cell such as 7.5 contradicts.  Cells such as 1.234 do not
    count, because their mark may separate thousands.
    """
    cells = list(texts)
    commas = [text for text in cells if _COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text)]
    points = [text for text in cells if _POINT.fullmatch(text) and not _THOUSANDS.fullmatch(text)]
    if commas and not points:
        return ","
    return "." if points else ""
