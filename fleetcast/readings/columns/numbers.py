"""Turns a column of texts into numbers; texts that are not plain decimal numbers are refused."""

import re
from collections.abc import Sequence
from typing import cast

import msgspec
import numpy as np

from fleetcast.readings.columns.parsed import MISSING, ParsedColumn, Texts, Vector, as_text, is_missing

_floats = msgspec.json.Decoder(list[float | None]).decode
"""Reads numbers five times as fast as NumPy does, and to the same bits."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MISSING_BYTES = frozenset(
    plain.encode() for word in MISSING for plain in (word, word.upper(), word.title(), "NaN", "NaT")
)
LONGEST = 400
"""Most characters of a number."""
BOOLEANS = {"true": 1.0, "false": 0.0}
BLANKS = " \t\r\n\v\f"

NOT_A_NUMBER = "is not a number"
INFINITE = "is an infinite number"
POINT_IS_AMBIGUOUS = "is ambiguous: its point may be decimal or between thousands; set decimal"
COMMA_IS_AMBIGUOUS = "is ambiguous: its comma may be decimal or between thousands; set decimal, or write 1234"
_AMBIGUOUS_POINT = re.compile(rb"[ ]*[+-]?[1-9][0-9]{0,2}(?:[.][0-9]{3})+[ ]*")
POINT = f"{NOT_A_NUMBER}: it has a decimal point where decimal is ','"
HINTS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), reason)
    for pattern, reason in (
        (r"[+-]?inf(?:inity)?|[+-]?1\.#inf", INFINITE),
        (r"[+-]?\d{1,3}(?:,\d{3})+\.\d*", f"{NOT_A_NUMBER}: it has a comma between thousands; write 1234.5"),
        (r"[+-]?\d{1,3}(?:\.\d{3})+,\d*", f"{NOT_A_NUMBER}: it has a point between thousands; write 1234,5"),
        (
            r"[+-]?\d{1,3}(?:[ '_]\d{3})+(?:[.,]\d*)?",
            f"{NOT_A_NUMBER}: it has a mark between thousands; write 1234.5",
        ),
        (
            r"[+-]?\d{1,3}(?:,\d{3})+",
            COMMA_IS_AMBIGUOUS,
        ),
        (
            r"[+-]?\d*,\d*(?:e[+-]?\d+)?",
            f"{NOT_A_NUMBER}: it has a decimal comma; set decimal to ',' or write 7.5",
        ),
        (r"true|false", f"{NOT_A_NUMBER}: only regressors and conditions may be true or false"),
        (r"0x[0-9a-f]+", f"{NOT_A_NUMBER} to the base of ten"),
        (r"[+-]?[\d.,]+ ?(?:%|[a-z]+)", f"{NOT_A_NUMBER}: it has a unit"),
    )
)


def parse_numbers(texts: Texts, *, decimal: str = ".", booleans: bool = False) -> ParsedColumn:
    """Return the numbers of `texts`, float64 of shape (texts,); NaN without a reason for missing values.

    `decimal` is '.' or ','; or '' if the file does not show which: 7.5 is then read, but 1.234 is refused as
    ambiguous.  With `booleans`, true and false (in any case) are read as 1 and 0.
    """
    if not decimal:
        return _without_doubt(texts, booleans=booleans)
    plain = _as_bytes(texts)
    if decimal == ",":
        plain = [b"?" if b"." in text else text.replace(b",", b".") for text in plain]
    values = _plain(plain)
    if values is not None:
        return ParsedColumn(values, dict.fromkeys(np.flatnonzero(np.isinf(values)).tolist(), INFINITE))
    values = np.empty(len(texts))
    reasons: dict[int, str] = {}
    for place, text in enumerate(cast("Sequence[str | bytes]", texts)):
        value = _number(as_text(text), decimal, booleans=booleans)
        if isinstance(value, str):
            reasons[place] = value
            value = np.nan
        values[place] = value
    return ParsedColumn(values, reasons)


def _without_doubt(texts: Texts, *, booleans: bool) -> ParsedColumn:
    parsed = parse_numbers(texts, decimal=".", booleans=booleans)
    doubtful = [place for place, text in enumerate(_as_bytes(texts)) if _AMBIGUOUS_POINT.fullmatch(text)]
    parsed.values[doubtful] = np.nan
    return ParsedColumn(parsed.values, dict(parsed.reasons) | dict.fromkeys(doubtful, POINT_IS_AMBIGUOUS))


def _as_bytes(texts: Texts) -> Sequence[bytes]:
    if not texts or isinstance(texts[0], bytes):
        return cast("Sequence[bytes]", texts)
    return [text.encode(errors="replace") for text in cast("Sequence[str]", texts)]


def _plain(texts: Sequence[bytes]) -> Vector | None:
    """Return the numbers if every text is one as JSON writes it or a missing value, else None."""
    values = _decode(texts)
    if values is None:
        values = _decode([b"null" if text in _MISSING_BYTES else text for text in texts])
    return values


def _decode(texts: Sequence[bytes]) -> Vector | None:
    try:
        values = _floats(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # a text with a comma would count as two numbers and shift those after it
    return np.array(values, dtype=np.float64) if len(values) == len(texts) else None


def _number(text: str, decimal: str, *, booleans: bool) -> float | str:
    """Return the number of a text, NaN for a missing value, or the reason why it is not a number."""
    text = text.strip(BLANKS)
    if is_missing(text):
        return float("nan")
    if booleans and text.lower() in BOOLEANS:
        return BOOLEANS[text.lower()]
    if len(text) > LONGEST:
        return f"{NOT_A_NUMBER}: it has more than {LONGEST} characters"
    if decimal == "," and "." in text:
        return next((reason for pattern, reason in HINTS[:4] if pattern.fullmatch(text)), POINT)
    if _NUMBER.fullmatch(text.replace(decimal, ".", 1)):
        value = float(text.replace(decimal, ".", 1))
        return INFINITE if np.isinf(value) else value
    return next((reason for pattern, reason in HINTS if pattern.fullmatch(text)), NOT_A_NUMBER)
