"""Content types: records out of JSON, JSON Lines and CSV, results into the same."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Final

from serving._errors import NotAcceptableError, RequestError, UnsupportedMediaTypeError
from serving._schema import MOST_RECORDS, Result, decode, encode, error_content, records_of

ANY: Final = "*/*"
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
CSV: Final = "text/csv"
KINDS: Final = (JSON, JSON_LINES, CSV)
_ALIASES: Final = {"application/x-jsonlines": JSON_LINES, "application/x-ndjson": JSON_LINES}

MOST_ACCEPTED: Final = 20
"""Alternatives in an Accept header that are looked at."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a body asks for."""

    records: list[object]
    """A `RequestError` stands for a record that cannot be read."""
    many: bool
    """Whether the body could hold more than one."""
    texts: bool = False
    """Whether all values are texts."""


def read_records(body: bytes, content_type: str | None) -> Records:
    """Return the records of a body; raise a `RequestError`.

    JSON holds one record, or many under `requests`; JSON Lines one a line; CSV one a line below a header of
    fields.  An empty JSON body is the record without fields.
    """
    kind = _kind(content_type or JSON)
    if kind == JSON:
        return Records(*records_of(decode(body))) if body else Records([{}], many=False)
    if kind == JSON_LINES:
        return Records(_bounded([_line(line) for line in body.splitlines() if line.strip()]), many=True)
    if kind == CSV:
        return Records(_bounded(_csv_records(body)), many=True, texts=True)
    raise UnsupportedMediaTypeError(
        f"Content-Type must be one of {', '.join(KINDS)}, not {(content_type or '')[:100]!r}"
    )


def _line(line: bytes) -> object:
    try:
        return decode(line)
    except RequestError as error:
        return error


@lru_cache(maxsize=256)
def accepted(accept: str, *, many: bool, content_type: str | None) -> str:
    """Return the content type to answer with; raise `NotAcceptableError`.

    Where all are welcome it is the one that was sent, if that could hold many records, and otherwise JSON.
    """
    usual = _kind(content_type or JSON) if many else JSON
    weights: dict[str, float] = {}
    for alternative in accept.split(",")[:MOST_ACCEPTED]:
        kind, _, parameters = alternative.partition(";")
        kind = _kind(kind)
        kind = usual if kind in {ANY, "", f"{usual.partition('/')[0]}/*"} else kind
        kind = CSV if kind == "text/*" else JSON if kind == "application/*" else kind
        weights[kind] = max(weights.get(kind, 0.0), _weight(parameters))
    best = max((kind for kind in KINDS if weights.get(kind)), key=lambda kind: weights[kind], default=None)
    if best is None:
        raise NotAcceptableError(f"Accept must name one of {', '.join(KINDS)}, not {accept[:100]!r}")
    return best


def write_results(results: Sequence[Result | RequestError], kind: str, *, many: bool) -> bytes:
    """Return the body: forecasts and errors, in their order."""
    if kind == CSV:
        return _csv(results)
    contents = [each.content() if isinstance(each, Result) else error_content(each) for each in results]
    if kind == JSON_LINES:
        return b"".join(encode(content) + b"\n" for content in contents)
    return encode({"responses": contents} if many else contents[0])


def _bounded(records: list[object]) -> list[object]:
    if not records:
        raise RequestError("the body holds no record")
    if len(records) > MOST_RECORDS:
        raise RequestError(f"a body may hold up to {MOST_RECORDS} records, not {len(records)}")
    return records


def _kind(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(kind, kind)


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _csv_records(body: bytes) -> list[object]:
    """Return a dict of texts for each line; an empty cell is a field that is not given."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode()), strict=True))
    except (ValueError, csv.Error):
        raise RequestError("the body is not CSV in UTF-8") from None
    if not lines:
        return []
    header, *rows = lines
    return [{name: cell for name, cell in zip(header, row, strict=False) if cell} for row in rows if row]


def _csv(results: Sequence[Result | RequestError]) -> bytes:
    """Return one table: target_model and the columns of the forecasts, and `error` where there is one."""
    columns: dict[str, None] = {}
    for result in results:
        columns |= dict.fromkeys(result.names if isinstance(result, Result) else ("error",))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["target_model", *columns])
    for result in results:
        if isinstance(result, Result):
            values = dict(zip(result.names, result.columns(), strict=True))
            cells = [values.get(name) or repeat("") for name in columns]
            table.writerows(zip(repeat(result.target_model), *cells, strict=False))
        else:
            table.writerow(["", *(str(result) if name == "error" else "" for name in columns)])
    return text.getvalue().encode()
