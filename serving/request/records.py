"""The records of a body: JSON, JSON Lines or CSV in, requests out, each with its place in the body."""

import csv
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from serving.errors import RequestError
from serving.request.media_types import JSON, JSON_LINES
from serving.request.schema import (
    MOST_RECORDS,
    NOT_JSON,
    Request,
    as_request,
    as_request_of_texts,
    fields,
    name_in,
)

RECORDS_PER_STEP: Final = 200
COLUMNS: Final = ("target_model", "period", "freq")
"""Of CSV without a header."""
MISSING: Final = frozenset(
    {"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan", "#NA"}
)
"""Cells that leave their field out, as pandas reads them; of `target_model` only the empty one does."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that gets no forecast; smaller than an exception, which holds on to where it was raised."""

    error: type[RequestError]
    message: str
    target_model: str | None = None

    @classmethod
    def of(cls, error: RequestError, target_model: str | None) -> "Failure":
        """Return what a client learns of an error."""
        return cls(type(error), str(error), target_model)


Records: TypeAlias = list[Request | Failure]


class _Any(msgspec.Struct):
    requests: Raw | UnsetType = UNSET


class _Many(msgspec.Struct, forbid_unknown_fields=True):
    requests: Annotated[list[Raw], Meta(min_length=1, max_length=MOST_RECORDS)]


_any = msgspec.json.Decoder(_Any)
_many = msgspec.json.Decoder(_Many)
_text = msgspec.json.Decoder(str)


def read_records(body: bytes, kind: str) -> Generator[None, None, tuple[Records, bool]]:
    """Return the records of a body of this kind, and whether it could hold many; raise `RequestError`."""
    if kind == JSON:
        return (yield from _json_records(body))
    return (yield from (_json_lines(body) if kind == JSON_LINES else _csv_records(body))), True


def _json_records(body: bytes) -> Generator[None, None, tuple[Records, bool]]:
    """Return the records of JSON, and whether it could hold many: those of its `requests`.

    An empty body is the record without fields.  A JSON string that holds JSON is read once more.
    """
    body = body.strip()
    if not body:
        return [Request()], False
    if body.startswith(b'"'):
        try:
            body = _text.decode(body).encode()
        except (msgspec.DecodeError, UnicodeError):
            raise RequestError(NOT_JSON) from None
    try:
        is_many = _any.decode(body).requests is not UNSET
        raw = _many.decode(body).requests if is_many else []
    except msgspec.ValidationError:
        if not body.startswith(b"{"):
            return [_one(body)], False
        raise RequestError(
            f'{{"requests": [...]}} takes 1 to {MOST_RECORDS} records, and no other field'
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None
    if not is_many:
        return [_one(body)], False
    return (yield from _each(iter(raw))), True


def _json_lines(body: bytes) -> Generator[None, None, Records]:
    """Return the records of JSON Lines, one a line; blank lines are none."""
    return (yield from _each(line for line in map(bytes.strip, io.BytesIO(body)) if line))


def _one(text: bytes | Raw) -> Request | Failure:
    try:
        return as_request(text)
    except RequestError as error:
        return Failure.of(error, name_in(text))


def _each(texts: Iterator[Raw] | Iterator[bytes]) -> Generator[None, None, Records]:
    records: Records = []
    for text in texts:
        records.append(_one(text))
        if len(records) % RECORDS_PER_STEP == 0:
            _check_count(records)
            yield
    _check_count(records, least=1)
    return records


def _csv_records(body: bytes) -> Generator[None, None, Records]:
    """Return the records of CSV, one a line below a header of fields, or of `COLUMNS` where there is none.

    The first line is a header where all of it are fields' names, and a record where none is; anything in
    between is refused as a whole.  Blanks around cells count for nothing.
    """
    lines = _lines(body)
    header: tuple[str, ...] = ()
    records: Records = []
    for line in lines:
        cells = [cell.strip() for cell in line]
        if not any(cells) and _is_no_record(line, header):
            continue
        if not header:
            header = _header(cells)
            if header:
                continue
            header = COLUMNS
        records.append(_record(header, cells))
        if len(records) % RECORDS_PER_STEP == 0:
            _check_count(records)
            yield
    _check_count(records, least=1)
    return records


def _is_no_record(line: list[str], header: tuple[str, ...]) -> bool:
    """Return whether a line of empty cells asks for nothing.

    It is a record without fields where the route or an HTTP header names the model, as no column does.
    """
    is_blank = not line or (len(line) == 1 and line[0].isspace())
    return is_blank or not header or "target_model" in header


def _lines(body: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    except (ValueError, csv.Error):
        raise RequestError("the body is not CSV in UTF-8, with commas between its cells") from None


def _header(cells: list[str]) -> tuple[str, ...]:
    """Return the first line as a header, or nothing where it is a record."""
    known = [cell for cell in cells if cell in fields()]
    if not known:
        return ()
    unknown = [cell for cell in cells if cell and cell not in fields()]
    if unknown:
        raise RequestError(
            f"the first line of CSV must be a header of fields ({', '.join(fields())}) or, without a header, "
            f"a record of {', '.join(COLUMNS)}; {known[0]!r} is a field and {unknown[0][:100]!r} is none"
        )
    if len(set(known)) < len(known):
        raise RequestError("the header of CSV names a field twice")
    return tuple(cells)


def _record(header: tuple[str, ...], cells: list[str]) -> Request | Failure:
    texts = {
        field: cell
        for field, cell in zip(header, cells, strict=False)
        if field and cell and (cell not in MISSING or field == "target_model")
    }
    without_field = [cell for field, cell in zip(header, cells, strict=False) if not field]
    if any(without_field) or any(cells[len(header) :]):
        known = ", ".join(filter(None, header))
        message = f"this line has {len(cells)} cells, and the columns are {known}"
        return Failure(RequestError, message, texts.get("target_model"))
    try:
        return as_request_of_texts(texts)
    except RequestError as error:
        return Failure.of(error, texts.get("target_model"))


def _check_count(records: Records, *, least: int = 0) -> None:
    if len(records) < least:
        raise RequestError("the body holds no record")
    if len(records) > MOST_RECORDS:
        raise RequestError(f"a body may hold up to {MOST_RECORDS} records; send the rest in another request")
