"""A request's bytes go in, an answer's bytes come out: the same behind every server and on every route."""

import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Required, Self, TypeAlias, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from container import quoted
from fleetcast.archive import SUFFIX
from fleetcast.errors import FutureError
from fleetcast.forecasting import Model, forecast_many
from fleetcast.readings import times
from serving.errors import DefectError, RequestError
from serving.models.load import Forecaster
from serving.request.bodies import SMALL_BODY_BYTES, plain
from serving.request.media_types import ANY, CSV, JSON, accepted, kind_of
from serving.request.records import Failure, Records, read_records
from serving.request.results import COLUMNS, Result, Results, Table, failure_content, write_results
from serving.request.schema import Request, encode
from serving.request.steps import finished
from serving.request.turns import Turn, Turns
from serving.request.work import Work

logger = logging.getLogger(__name__)

MODELS_PER_STEP: Final = 32
ROWS_PER_STEP: Final = 4_096
"""Forecast together, in some 3 milliseconds."""
RECORDS_PER_STEP: Final = 200
SMALL_WORK: Final = 100_000
"""Cells.  What is larger has to wait for its turn."""
DEFAULT_MOST_BYTES: Final = 6 * 1024 * 1024
POLL_SECONDS: Final = 0.01
_OTHER_MODEL: Final = "target_model names another model than the route, which is"

turns = Turns()
"""Of this process."""

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
    """The customers that got one."""
    errors: int = 0
    """Records that got none."""


class Options(TypedDict, total=False):
    """What a request consists of besides its body."""

    content_type: Required[str | None]
    accept: Required[str | None]
    find: Required[Find]
    """Is asked with the name of a model."""
    target_model: str | None
    """The model that the route names; a record that names another is refused."""
    customer: str | None
    """Whose model that is, for the answer, the log and the metrics; it chooses nothing."""
    default_model: str | None
    """The model, from a header, of records that name none; of no use where the route names one."""
    default_accept: str
    content_encoding: str | None
    most_bytes: int
    """Of the body, once it is decoded."""


Steps: TypeAlias = Generator[None, None, Answer]
"""Work in pieces of a few milliseconds, and the answer at its end."""


@dataclass(frozen=True, slots=True)
class _Models:
    """Which model a record means, and where it is."""

    find: Find
    target_model: str | None
    customer: str | None
    default_model: str | None

    @classmethod
    def of(cls, options: Options) -> Self:
        return cls(
            find=options["find"],
            target_model=options.get("target_model"),
            customer=options.get("customer"),
            default_model=options.get("default_model"),
        )

    def task_of(self, record: Request | Failure) -> "_Task | Failure":
        """Return what a record asks for; a failure says whose it is, as far as that is known."""
        if isinstance(record, Failure):
            return Failure(record.error, record.message, self._name(record.target_model))
        try:
            model = self._model(record)
            forecaster = self.find(model)
        except RequestError as error:
            return Failure.of(error, self._name(record.name))
        customer = (self.customer or forecaster.customer) if self.target_model else None
        name = (customer or model).removesuffix(SUFFIX)
        if record.name and record.name.removesuffix(SUFFIX) not in (name, model.removesuffix(SUFFIX)):
            return Failure(RequestError, f"{_OTHER_MODEL} {quoted(name)}: leave it out", name)
        return _Task(name, forecaster, record)

    def _model(self, wanted: Request) -> str:
        model = self.target_model or wanted.name or self.default_model
        if not model:
            raise RequestError("target_model must name the model: as a field, or in a TargetModel header")
        return model

    def _name(self, named: str | None) -> str | None:
        """Return whom a record means that comes to nothing."""
        name = (self.customer or self.target_model) if self.target_model else (named or self.default_model)
        return None if name is None else name.removesuffix(SUFFIX)


@dataclass(frozen=True, slots=True)
class _Task:
    """A forecast to make."""

    name: str
    forecaster: Forecaster
    wanted: Request

    @property
    def kind(self) -> object:
        """What it has in common with those that are forecast together with it; itself where it needs more."""
        model, wanted = self.forecaster.model, self.wanted
        if not isinstance(model, Model) or not wanted.is_plain:
            return self
        make = id(model.layout), model.settings.growth, model.settings.interval_width, len(model.t_change)
        freq, non_negative = _freq(self.forecaster, wanted), _is_non_negative(self.forecaster, wanted)
        return make, wanted.periods, freq, non_negative, wanted.interval_width, wanted.quantiles

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def answer(body: bytes, **options: Unpack[Options]) -> Answer:
    """Answer one HTTP request at once, in this thread; see `answer_in_steps`."""
    return finished(answer_in_steps(body, wait=lambda: time.sleep(POLL_SECONDS), **options))


def answer_in_steps(
    body: bytes, *, wait: Callable[[], None] = lambda: None, **options: Unpack[Options]
) -> Steps:
    """Answer one HTTP request; never raises.

    The generator yields after every few milliseconds of work, so that an event loop can serve others in
    between, and returns the answer.  A body with many records is answered 200, and each record, in the order
    of the body, with a forecast or an error of its own; but where all of it is more work than one answer may
    be, it is refused before any of it is done.  A large request yields without working while another one is
    at work in this process, and calls `wait` then.
    """
    try:
        return (yield from _answered(body, options, wait))
    except RequestError as error:
        return refusal(error)
    except Exception:
        logger.exception("no answer for model %s", quoted(options.get("target_model")))
        return refusal(DefectError("the forecast failed; the server's log says why"))


def refusal(error: RequestError) -> Answer:
    """Return the answer that says what was wrong."""
    return _refused(Failure.of(error, None))


def _refused(failure: Failure) -> Answer:
    content = encode(failure_content(failure, None))
    return Answer(failure.error.status, content, JSON, failure.error.headers, errors=1)


def _answered(body: bytes, options: Options, wait: Callable[[], None]) -> Steps:
    kind = kind_of(options["content_type"])
    encoding = options.get("content_encoding")
    with Turn(turns, wait=wait) as turn:
        if len(body) > SMALL_BODY_BYTES:
            yield from turn.take()
        most_bytes = options.get("most_bytes", DEFAULT_MOST_BYTES)
        content = yield from plain(body, encoding, most_bytes=most_bytes, before_large=turn.take)
        records, many = yield from read_records(content, kind)
        accept = options["accept"] or options.get("default_accept", ANY)
        answered_kind = accepted(accept, usual=kind if many else JSON)
        plan = yield from _planned(records, _Models.of(options), Work(is_csv=answered_kind == CSV))
        if plan.work.cells > SMALL_WORK:
            yield from turn.take()
        results = yield from _forecast(plan)
        if not many and isinstance(results[0], Failure):
            return _refused(results[0])
        made = tuple(result.target_model for result in results if isinstance(result, Result))
        errors = len(results) - len(made)
        written = yield from write_results(results, answered_kind, many=many)
    return Answer(HTTPStatus.OK, written, answered_kind, forecasts=made, errors=errors)


@dataclass(frozen=True, slots=True)
class _Plan:
    """All forecasts of an answer, none of which is made yet."""

    results: Results
    """The failures at their places; what stands at the others is overwritten."""
    groups: list[list[tuple[int, _Task]]]
    """Places and tasks, those together that are forecast together."""
    work: Work


def _planned(records: Records, models: _Models, work: Work) -> Generator[None, None, _Plan]:
    """Return the plan; raise `RequestError` where it is too much.  The records are taken out of the list."""
    results: Results = [_NONE] * len(records)
    alike: dict[object, list[tuple[int, _Task]]] = {}
    for place, record in enumerate(records):
        task = models.task_of(record)
        if isinstance(task, Failure):
            results[place] = task
        else:
            kind = task.kind if len(records) > 1 else task
            alike.setdefault(kind, []).append((place, task))
        records[place] = _NONE
        if place % RECORDS_PER_STEP == RECORDS_PER_STEP - 1:
            yield
    groups = []
    for number, group in enumerate(alike.values()):
        try:
            first, characters = group[0][1], sum(len(task.name) for _, task in group)
            work.add(first.forecaster, first.wanted, records=len(group), name_characters=characters)
            groups.append(group)
        except RequestError as error:
            for place, task in group:
                results[place] = Failure.of(error, task.name)
        if number % RECORDS_PER_STEP == RECORDS_PER_STEP - 1:
            yield
    for result in results:
        if result is not _NONE and isinstance(result, Failure):
            work.add_failure(result)
    work.check()
    return _Plan(results, groups, work)


_NONE: Final = Failure(RequestError, "")


def _forecast(plan: _Plan) -> Generator[None, None, Results]:
    """Return the plan's results, in the order of the records."""
    for group in plan.groups:
        rows = group[0][1].wanted.periods
        size = max(1, min(MODELS_PER_STEP, ROWS_PER_STEP // rows))
        for start in range(0, len(group), size):
            chunk = group[start : start + size]
            for (place, _), result in zip(chunk, _alike([task for _, task in chunk]), strict=True):
                plan.results[place] = result
            yield
    return plan.results


def _alike(tasks: Sequence[_Task]) -> list[Result | Failure]:
    """Return the forecasts of tasks of one kind."""
    first = tasks[0]
    if len(tasks) == 1:
        return [_alone(first)]
    tables = forecast_many(
        [task.forecaster.model for task in tasks if isinstance(task.forecaster.model, Model)],
        first.wanted.periods,
        _freq(first.forecaster, first.wanted),
        interval_width=first.wanted.interval_width,
        quantiles=first.wanted.quantiles,
        non_negative=_is_non_negative(first.forecaster, first.wanted),
    )
    return [
        Failure(RequestError, str(table), task.name)
        if isinstance(table, FutureError)
        else Result(task.name, table)
        for task, table in zip(tasks, tables, strict=True)
    ]


def _alone(task: _Task) -> Result | Failure:
    wanted, forecaster = task.wanted, task.forecaster
    try:
        forecast = forecaster.model.predict(
            wanted.periods,
            _freq(forecaster, wanted),
            ds=None if wanted.ds is None else _times(wanted.ds),
            include_history=wanted.include_history,
            interval_width=wanted.interval_width,
            quantiles=wanted.quantiles,
            components=wanted.components,
            regressors=wanted.regressors,
            conditions=wanted.conditions,
            cap=wanted.cap,
            floor=wanted.floor,
            non_negative=_is_non_negative(forecaster, wanted),
        )
    except (FutureError, RequestError) as error:
        return Failure(RequestError, str(error), task.name)
    return Result(task.name, _answered_columns(forecast, wanted))


def _freq(forecaster: Forecaster, wanted: Request) -> str | None:
    """Return the steps of a forecast: the request's, or else the history's."""
    return forecaster.freq if wanted.freq is None else wanted.freq


def _is_non_negative(forecaster: Forecaster, wanted: Request) -> bool:
    """Return whether a forecast has to stay at 0 or above: the request's wish, or else the archive's."""
    return forecaster.non_negative if wanted.non_negative is None else wanted.non_negative


def _times(texts: Sequence[str]) -> NDArray[np.datetime64]:
    """Return times as `train` reads them, in UTC where they have a zone; raise `RequestError`."""
    read = times(texts)
    unread = np.flatnonzero(np.isnat(read.values))
    if unread.size:
        place = int(unread[0])
        reason = read.reasons.get(place, "is no time")
        raise RequestError(f"ds[{place}], {quoted(texts[place], most_characters=100)}, {reason}")
    return read.values


def _answered_columns(forecast: Table, wanted: Request) -> Table:
    """Return what is answered of a forecast."""
    if wanted.components:
        return forecast
    names = COLUMNS + tuple(f"yhat_{quantile!r}" for quantile in wanted.quantiles)
    return {name: values for name, values in forecast.items() if name in names}
