"""A request's bytes go in, an answer's bytes come out: the same behind every server and on every route."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from forecasting import FutureError
from serving._content import JSON, Records, accepted, read_records, write_results
from serving._errors import DefectError, RequestError
from serving._load import Forecaster
from serving._schema import MOST_ROWS, Request, Result, as_request

logger = logging.getLogger(__name__)

Find: TypeAlias = Callable[[str], Forecaster]
"""Returns the model of a name, or raises a `RequestError`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(  # noqa: PLR0913 -- all that a request consists of
    body: bytes,
    *,
    content_type: str | None,
    accept: str | None,
    target_model: str | None,
    find: Find,
    default_accept: str = JSON,
) -> Answer:
    """Answer one HTTP request; never raises.

    `target_model` is the model that the route or a header names; None means that each record names its own.
    `find` is then asked with that name.  A body with many records is answered 200, and each record, in the
    order given, with a forecast or an error of its own.
    """
    try:
        asked = read_records(body, content_type)
        kind = accepted(accept or default_accept, many=asked.many, content_type=content_type)
        if asked.many:
            results = _results(asked, target_model, find)
        else:
            results = [_forecast(as_request(asked.records[0]), target_model, find)]
        return Answer(HTTPStatus.OK, write_results(results, kind, many=asked.many), kind)
    except RequestError as error:
        return refusal(error)
    except Exception:
        logger.exception("no answer for model %s", target_model)
        return refusal(DefectError("the forecast failed; the server's log says why"))


def refusal(error: RequestError) -> Answer:
    """Return the answer that says what was wrong."""
    return Answer(error.status, write_results([error], JSON, many=False), JSON, error.headers)


def _results(asked: Records, target_model: str | None, find: Find) -> list[Result | RequestError]:
    results: list[Result | RequestError] = []
    rows = 0
    for record in asked.records:
        try:
            request = _request(record, texts=asked.texts, most=MOST_ROWS - rows)
            rows += request.period
            results.append(_forecast(request, target_model, find))
        except RequestError as error:
            results.append(error)
    return results


def _request(record: object, *, texts: bool, most: int) -> Request:
    if isinstance(record, RequestError):
        raise record
    request = as_request(record, texts=texts)
    if request.period > most:
        raise RequestError(
            f"one answer has {MOST_ROWS} rows at most, over all records; ask for the rest again"
        )
    return request


def _forecast(wanted: Request, target_model: str | None, find: Find) -> Result:
    name = target_model or wanted.target_model
    if not name:
        raise RequestError("target_model must name the model: as a field, or in a TargetModel header")
    try:
        forecast = find(name).predict(
            wanted.period,
            wanted.freq,
            include_history=wanted.include_history,
            interval_width=wanted.interval_width,
            quantiles=wanted.quantiles,
            components=wanted.components,
            regressors=wanted.regressors,
            conditions=wanted.conditions,
            cap=wanted.cap,
            floor=wanted.floor,
        )
    except FutureError as error:
        raise RequestError(str(error)) from error
    return Result(name, wanted.columns(forecast))
