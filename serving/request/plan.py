"""From the records of a request to the batches of forecasts that answer it, none of which is computed yet.

Records that differ only in the customer share a batch, as long as their models have the same layout.
"""

from dataclasses import dataclass, field
from typing import Final

from fleetcast.forecasting import ForecastOptions, Model
from serving.errors import RequestError
from serving.models import Forecaster, Lookup, Models
from serving.request.cost import ResponseCost
from serving.request.history import AnyModel, model_of_record
from serving.request.records import Failure, Records
from serving.request.results import DONE, Results
from serving.request.schema import Request
from serving.request.target import Target
from serving.steps import Steps

RECORDS_PER_STEP: Final = 200
TIMES_PER_STEP: Final = 1_000
"""Parsed in one step, in some 3 milliseconds."""


@dataclass(slots=True)
class Batch:
    """Forecasts with the same options, each by a model and for a place among the results."""

    options: ForecastOptions
    places: list[int] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    models: list[AnyModel] = field(default_factory=list)

    def add(self, place: int, customer: str, model: AnyModel) -> None:
        """Add the forecast of one record."""
        self.places.append(place)
        self.customers.append(customer)
        self.models.append(model)


@dataclass(frozen=True, slots=True)
class Plan:
    """All forecasts of a response."""

    results: Results
    """The failures at their places; the other places are filled as batches are computed."""
    batches: list[Batch]
    cost: ResponseCost


def plan_forecasts(records: Records, target: Target, look_up: Lookup, cost: ResponseCost) -> Steps[Plan]:
    """Return the plan for the records, which are taken out of their list.

    Raises `RequestError` if the response as a whole exceeds the budget; a single record that cannot be
    forecast is a failure among the results.
    """
    models = yield from look_up((yield from _names(records, target)))
    results: Results = [DONE] * len(records)
    batches = yield from _batches(records, target, models, results)
    affordable = []
    for number, batch in enumerate(batches, start=1):
        try:
            cost.add_batch(batch.models[0], batch.options, batch.customers)
            affordable.append(batch)
        except RequestError as error:
            for place, customer in zip(batch.places, batch.customers, strict=True):
                results[place] = Failure.of(error, customer)
        if number % RECORDS_PER_STEP == 0:
            yield None
    for result in results:
        if result is not DONE and isinstance(result, Failure):
            cost.add_failure(result)
    cost.check()
    return Plan(results, affordable, cost)


def _names(records: Records, target: Target) -> Steps[dict[str, None]]:
    """Return the names of all models, each once; a record that names none becomes a failure."""
    names: dict[str, None] = {}
    for place, record in enumerate(records):
        if isinstance(record, Request):
            try:
                names[target.model_for(record)] = None
            except RequestError as error:
                records[place] = Failure.of(error, record.name)
        if place % RECORDS_PER_STEP == RECORDS_PER_STEP - 1:
            yield None
    return names


def _batches(records: Records, target: Target, models: Models, results: Results) -> Steps[list[Batch]]:
    """Return the batches, and put the failures of records among the results."""
    batches: dict[object, Batch] = {}
    is_only = len(records) == 1
    times = 0
    for place, record in enumerate(records):
        records[place] = DONE
        forecaster = _model_for(record, target, models)
        if isinstance(forecaster, Failure):
            results[place] = forecaster
        elif isinstance(record, Request):
            customer = target.customer_for(record, forecaster)
            key = place if is_only else _batch_key(record, forecaster) or place
            try:
                target.check_name(record, customer)
                times += record.times if key not in batches else 0
                model = model_of_record(record, forecaster)
                if key not in batches:
                    batches[key] = Batch(record.options(forecaster))
                batches[key].add(place, customer, model)
            except RequestError as error:
                results[place] = Failure.of(error, customer)
        if place % RECORDS_PER_STEP == RECORDS_PER_STEP - 1 or times > TIMES_PER_STEP:
            times = 0
            yield None
    return list(batches.values())


def _model_for(record: Request | Failure, target: Target, models: Models) -> Forecaster | Failure:
    """Return the model of a record, or why it gets no forecast."""
    if isinstance(record, Failure):
        return Failure(record.error, record.message, target.customer_of_failure(record.target_model))
    model = models[target.model_for(record)]
    if isinstance(model, RequestError):
        return Failure.of(model, target.customer_of_failure(record.name))
    return model


def _batch_key(request: Request, forecaster: Forecaster) -> tuple[object, ...] | None:
    """Return what the records of a batch have in common, or None if a record needs a forecast of its own."""
    model = forecaster.model
    if not isinstance(model, Model) or not request.can_share:
        return None
    return (
        id(model.layout),
        model.settings.growth,
        model.settings.interval_width,
        len(model.t_change),
        forecaster.freq,
        forecaster.non_negative,
        request.without_name(),
    )
