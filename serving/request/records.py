"""From a request's body in JSON, JSON Lines or CSV to its records, in their order.

A record that cannot be read becomes a `Failure` in its place, so that it fails alone; a body that cannot be
read as a whole raises `RequestError`.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from serving.errors import RequestError
from serving.request.media_types import JSON, JSON_LINES
from serving.request.schema import (
    MAX_RECORDS,
    NOT_JSON,
    Request,
    as_request,
    as_request_of_texts,
    fields,
    name_in,
)
from serving.steps import Steps

RECORDS_PER_STEP: Final = 200
COLUMNS_WITHOUT_HEADER: Final = ("target_model", "period", "freq")
"""The columns of CSV without a header."""
MISSING: Final = frozenset(
    {"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan", "#NA"}
)
"""Cells that count as empty, as in pandas; in the column `target_model` only the empty cell does."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that gets an error; smaller than an exception, which refers to its traceback."""

    error: type[RequestError]
    message: str
    target_model: str | None = None

    @classmethod
    def of(cls, error: RequestError, target_model: str | None) -> "Failure":
        """Return the failure of a record that raised an error."""
        return cls(type(error), str(error), target_model)


Records: TypeAlias = list[Request | Failure]


class _AnyBody(msgspec.Struct):
    requests: Raw | UnsetType = UNSET


class _ListBody(msgspec.Struct, forbid_unknown_fields=True):
    requests: Annotated[list[Raw], Meta(min_length=1, max_length=MAX_RECORDS)]


_any_body = msgspec.json.Decoder(_AnyBody)
_list_body = msgspec.json.Decoder(_ListBody)
_text = msgspec.json.Decoder(str)


def read_records(body: bytes, media_type: str) -> Steps[tuple[Records, bool]]:
    """Return the records of a body, and whether it is a list of records; raise `RequestError`."""
    if media_type == JSON:
        return (yield from _json_records(body))
    return (yield from (_json_lines(body) if media_type == JSON_LINES else _csv_records(body))), True


def _json_records(body: bytes) -> Steps[tuple[Records, bool]]:
    """Return the records of JSON, and whether it is a list: `{"requests": [...]}`.

    An empty body is the record without fields.  A JSON string that contains JSON is decoded once more.
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
        is_list = _any_body.decode(body).requests is not UNSET
        raw = _list_body.decode(body).requests if is_list else []
    except msgspec.ValidationError:
        if not body.startswith(b"{"):
            return [_one(body)], False
        raise RequestError(
            f'{{"requests": [...]}} takes 1 to {MAX_RECORDS} records, and no other field'
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None
    if not is_list:
        return [_one(body)], False
    return (yield from _parsed(iter(raw))), True


def _json_lines(body: bytes) -> Steps[Records]:
    """Return the records of JSON Lines, one per line; blank lines are skipped."""
    return (yield from _parsed(line for line in map(bytes.strip, io.BytesIO(body)) if line))


def _one(text: bytes | Raw) -> Request | Failure:
    try:
        return as_request(text)
    except RequestError as error:
        return Failure.of(error, name_in(text))


def _parsed(texts: Iterator[Raw] | Iterator[bytes]) -> Steps[Records]:
    records: Records = []
    for text in texts:
        records.append(_one(text))
        if len(records) % RECORDS_PER_STEP == 0:
            _check_count(records)
            yield None
    _check_count(records, least=1)
    return records


def _csv_records(body: bytes) -> Steps[Records]:
    """Return the records of CSV, one per line, below a header of fields or with `COLUMNS_WITHOUT_HEADER`.

    The first line is a header if all its cells are fields, and a record if none is; otherwise the body is
    refused as a whole.  Blanks around cells are ignored.
    """
    lines = _lines(body)
    header: tuple[str, ...] = ()
    records: Records = []
    for line in lines:
        cells = [cell.strip() for cell in line]
        if not any(cells) and _is_skipped(line, header):
            continue
        if not header:
            header = _header(cells)
            if header:
                continue
            header = COLUMNS_WITHOUT_HEADER
        records.append(_record(header, cells))
        if len(records) % RECORDS_PER_STEP == 0:
            _check_count(records)
            yield None
    _check_count(records, least=1)
    return records


def _is_skipped(line: list[str], header: tuple[str, ...]) -> bool:
    """Return whether a line of empty cells is skipped.

    If no column names the model, the route or an HTTP header does, and the line is a record without fields.
    """
    is_blank = not line or (len(line) == 1 and line[0].isspace())
    return is_blank or not header or "target_model" in header


def _lines(body: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
    except (ValueError, csv.Error):
        raise RequestError("the body is not CSV in UTF-8, with commas between its cells") from None


def _header(cells: list[str]) -> tuple[str, ...]:
    """Return the header in the first line, or nothing if that line is a record; raise `RequestError`."""
    valid = [cell for cell in cells if cell in fields()]
    if not valid:
        return ()
    unknown = [cell for cell in cells if cell and cell not in fields()]
    if unknown:
        raise RequestError(
            f"the first line of CSV must be a header of fields ({', '.join(fields())}) or, without a header, "
            f"a record of {', '.join(COLUMNS_WITHOUT_HEADER)}; {valid[0]!r} is a field and "
            f"{unknown[0][:100]!r} is none"
        )
    if len(set(valid)) < len(valid):
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
        columns = ", ".join(filter(None, header))
        message = f"this line has {len(cells)} cells, and the columns are {columns}"
        return Failure(RequestError, message, texts.get("target_model"))
    try:
        return as_request_of_texts(texts)
    except RequestError as error:
        return Failure.of(error, texts.get("target_model"))


def _check_count(records: Records, *, least: int = 0) -> None:
    if len(records) < least:
        raise RequestError("the body holds no record")
    if len(records) > MAX_RECORDS:
        raise RequestError(f"a body may hold up to {MAX_RECORDS} records; send the rest in another request")
