"""A request's bytes go in, an answer's bytes come out: the same behind every server and on every route."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

from forecasting import FutureError, Model, forecast_many
from serving._content import ANY, JSON, Records, accepted, read_records, write_results
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
    forecasts: tuple[str, ...] = ()
    """The models that made one."""
    errors: int = 0
    """Records that got none."""


@dataclass(frozen=True, slots=True)
class _Models:
    """Which model a record means, and where it is."""

    find: Find
    target_model: str | None
    default_model: str | None

    def task(self, wanted: Request) -> "_Task":
        name = self.target_model or wanted.target_model or self.default_model
        if not name:
            raise RequestError("target_model must name the model: as a field, or in a TargetModel header")
        return _Task(name, self.find(name), wanted)


@dataclass(frozen=True, slots=True)
class _Task:
    """A forecast to make."""

    name: str
    model: Forecaster
    wanted: Request


def answer(  # noqa: PLR0913 -- all that a request consists of
    body: bytes,
    *,
    content_type: str | None,
    accept: str | None,
    find: Find,
    target_model: str | None = None,
    default_model: str | None = None,
    default_accept: str = ANY,
) -> Answer:
    """Answer one HTTP request; never raises.

    `target_model` is the model that the route names, whatever a record says; without it each record names
    its own, or has the `default_model`, that of a header.  `find` is asked with that name.  A body with many
    records is answered 200, and each record, in the order given, with a forecast or an error of its own.
    """
    models = _Models(find, target_model, default_model)
    try:
        asked = read_records(body, content_type)
        kind = accepted(accept or default_accept, many=asked.many, content_type=content_type)
        if asked.many:
            results = _together(_tasks(asked, models))
        else:
            results = [_alone(models.task(as_request(asked.records[0])))]
        made = tuple(result.target_model for result in results if isinstance(result, Result))
        content = write_results(results, kind, many=asked.many)
        return Answer(HTTPStatus.OK, content, kind, forecasts=made, errors=len(results) - len(made))
    except RequestError as error:
        return refusal(error)
    except Exception:
        logger.exception("no answer for model %s", target_model or default_model)
        return refusal(DefectError("the forecast failed; the server's log says why"))


def refusal(error: RequestError) -> Answer:
    """Return the answer that says what was wrong."""
    return Answer(error.status, write_results([error], JSON, many=False), JSON, error.headers, errors=1)


def _tasks(asked: Records, models: _Models) -> Iterator[_Task | RequestError]:
    rows = 0
    for record in asked.records:
        try:
            wanted = _request(record, texts=asked.texts, most=MOST_ROWS - rows)
            rows += wanted.period
            yield models.task(wanted)
        except RequestError as error:
            yield error


def _request(record: object, *, texts: bool, most: int) -> Request:
    if isinstance(record, RequestError):
        raise record
    request = as_request(record, texts=texts)
    if request.period > most:
        raise RequestError(
            f"one answer has {MOST_ROWS} rows at most, over all records; ask for the rest again"
        )
    return request


def _together(tasks: Iterable[_Task | RequestError]) -> list[Result | RequestError]:
    """Return the forecasts in order; those of records that differ in the model alone are made at once."""
    results: dict[int, Result | RequestError] = {}
    alike: dict[object, list[tuple[int, _Task]]] = {}
    for place, task in enumerate(tasks):
        if isinstance(task, RequestError):
            results[place] = task
        else:
            horizon = task.wanted.horizon if isinstance(task.model, Model) else None
            alike.setdefault(horizon or place, []).append((place, task))
    for group in alike.values():
        results |= zip([place for place, _ in group], _alike([task for _, task in group]), strict=True)
    return [results[place] for place in range(len(results))]


def _alike(tasks: list[_Task]) -> list[Result | RequestError]:
    if len(tasks) == 1:
        try:
            return [_alone(tasks[0])]
        except RequestError as error:
            return [error]
    wanted = tasks[0].wanted
    tables = forecast_many(
        [task.model for task in tasks if isinstance(task.model, Model)],
        wanted.period,
        wanted.freq,
        interval_width=wanted.interval_width,
        quantiles=wanted.quantiles,
    )
    return [
        RequestError(str(table)) if isinstance(table, FutureError) else Result(task.name, table)
        for task, table in zip(tasks, tables, strict=True)
    ]


def _alone(task: _Task) -> Result:
    wanted = task.wanted
    try:
        forecast = task.model.predict(
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
    return Result(task.name, wanted.columns(forecast))
