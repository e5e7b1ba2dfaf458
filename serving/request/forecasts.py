"""Computes the batches of a plan: the models of a batch share each NumPy call."""

from collections.abc import Sequence
from typing import Final

from fleetcast.errors import FutureError
from fleetcast.forecasting import ForecastOptions, Model, forecast, forecast_many
from fleetcast.global_model import forecast_history
from serving.errors import RequestError
from serving.request.history import AnyModel, ModelWithReadings
from serving.request.plan import Plan
from serving.request.records import Failure
from serving.request.results import DEFAULT_COLUMNS, CustomerForecast, Results, Table
from serving.steps import Steps

MODELS_PER_STEP: Final = 32
ROWS_PER_STEP: Final = 4_096
"""Rows of several models that are computed in one step, in some 3 milliseconds."""


def compute_forecasts(plan: Plan) -> Steps[Results]:
    """Return the results of a plan, in the order of the records."""
    for batch in plan.batches:
        size = max(1, min(MODELS_PER_STEP, ROWS_PER_STEP // batch.options.periods))
        for start in range(0, len(batch.places), size):
            part = slice(start, start + size)
            tables = _tables(batch.models[part], batch.options)
            for place, customer, table in zip(batch.places[part], batch.customers[part], tables, strict=True):
                plan.results[place] = (
                    Failure(RequestError, str(table), customer)
                    if isinstance(table, FutureError)
                    else CustomerForecast(customer, table)
                )
            yield None
    return plan.results


def _tables(models: Sequence[AnyModel], options: ForecastOptions) -> Sequence[Table | FutureError]:
    """Return the forecasts of models that share a batch."""
    if len(models) > 1:
        return forecast_many([model for model in models if isinstance(model, Model)], options)
    try:
        return [_requested_columns(_table(models[0], options), options)]
    except FutureError as error:
        return [error]


def _table(model: AnyModel, options: ForecastOptions) -> Table:
    if isinstance(model, ModelWithReadings):
        return forecast_history(model.model, model.ds, model.y, options)
    return forecast(model, options)


def _requested_columns(table: Table, options: ForecastOptions) -> Table:
    """Return the columns of a forecast that the response has."""
    if options.components:
        return table
    names = DEFAULT_COLUMNS + tuple(f"yhat_{quantile!r}" for quantile in options.quantiles)
    return {name: values for name, values in table.items() if name in names}
