"""A request's bytes go in, an answer's bytes come out: the same behind every server and on every route."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Required, TypeAlias, TypedDict, Unpack

from forecasting import FutureError, Model, forecast_many
from serving._content import ANY, JSON, Records, accepted, read_records, write_results
from serving._errors import DefectError, RequestError
from serving._load import Forecaster
from serving._schema import MOST_ROWS, Request, Result, as_request

logger = logging.getLogger(__name__)

RECORDS_PER_STEP: Final = 100
MODELS_PER_STEP: Final = 32

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


class Options(TypedDict, total=False):
    """What a request consists of besides its body."""

    content_type: Required[str | None]
    accept: Required[str | None]
    find: Required[Find]
    """Is asked with the name of a model."""
    target_model: str | None
    """The model that the route names, whatever a record says."""
    customer: str | None
    """Whose model that is, for the answer, the log and the metrics; it chooses nothing."""
    default_model: str | None
    """The model, from a header, of records that name none; of no use where the route names one."""
    default_accept: str
    content_encoding: str | None
    most_bytes: int
    """Of the body, once decoded."""


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


Steps: TypeAlias = Generator[None, None, "Answer"]
"""Work in pieces of a few milliseconds, and the answer at its end."""


def answer(body: bytes, **options: Unpack[Options]) -> Answer:
    """Answer one HTTP request at once; see `answer_in_steps`."""
    steps = answer_in_steps(body, **options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answered: Answer = end.value
            return answered


def answer_in_steps(body: bytes, **options: Unpack[Options]) -> Steps:
    """Answer one HTTP request; never raises.

    The generator yields after every few milliseconds of work, so that an event loop can serve others in
    between, and returns the answer.  A body with many records is answered 200, and each record, in the order
    of the body, with a forecast or an error of its own.
    """
    try:
        return (yield from _answered(body, options))
    except RequestError as error:
        return refusal(error)
    except Exception:
        logger.exception(
            "no answer for model %s", options.get("target_model") or options.get("default_model")
        )
        return refusal(DefectError("the forecast failed; the server's log says why"))


def _answered(body: bytes, options: Options) -> Steps:
    models = _Models(options["find"], options.get("target_model"), options.get("default_model"))
    content_type = options["content_type"]
    asked = read_records(body, content_type)
    accept = options["accept"] or options.get("default_accept", ANY)
    kind = accepted(accept, many=asked.many, content_type=content_type)
    if asked.many:
        results = yield from _together(_tasks(asked, models))
    else:
        results = [_alone(models.task(as_request(asked.records[0])))]
    made = tuple(result.target_model for result in results if isinstance(result, Result))
    yield
    content = write_results(results, kind, many=asked.many)
    return Answer(HTTPStatus.OK, content, kind, forecasts=made, errors=len(results) - len(made))


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


def _together(
    tasks: Iterator[_Task | RequestError],
) -> Generator[None, None, list[Result | RequestError]]:
    """Return the forecasts in order; those of records that differ in the model alone are made at once."""
    results: dict[int, Result | RequestError] = {}
    alike: dict[object, list[tuple[int, _Task]]] = {}
    for place, task in enumerate(tasks):
        if isinstance(task, RequestError):
            results[place] = task
        else:
            horizon = task.wanted.horizon if isinstance(task.model, Model) else None
            alike.setdefault(horizon or place, []).append((place, task))
        if place % RECORDS_PER_STEP == 0:
            yield
    for group in alike.values():
        for start in range(0, len(group), MODELS_PER_STEP):
            chunk = group[start : start + MODELS_PER_STEP]
            results |= zip([place for place, _ in chunk], _alike([task for _, task in chunk]), strict=True)
            yield
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
