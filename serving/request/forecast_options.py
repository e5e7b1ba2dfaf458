"""The options of a forecast, and forecasts with them."""

from collections.abc import Sequence

from fleetcast.errors import FutureError
from fleetcast.forecasting import Model, SampledModel
from fleetcast.forecasting import forecast_many as _forecast_many
from fleetcast.forecasting.predict.forecast import Request as ForecastOptions
from fleetcast.forecasting.predict.forecast import Table
from fleetcast.forecasting.predict.forecast import forecast as _forecast

__all__ = ["ForecastOptions", "forecast", "forecast_many"]


def forecast(model: Model | SampledModel, options: ForecastOptions) -> Table:
    """Forecast with one model."""
    if isinstance(model, Model):
        return _forecast(model, options)
    return model.predict(
        options.periods,
        options.freq,
        ds=options.ds,
        include_history=options.include_history,
        interval_width=options.interval_width,
        quantiles=options.quantiles,
        components=options.components,
        regressors=options.regressors,
        conditions=options.conditions,
        cap=options.cap,
        floor=options.floor,
        non_negative=options.non_negative,
    )


def forecast_many(models: Sequence[Model], options: ForecastOptions) -> list[Table | FutureError]:
    """Forecast with many models."""
    return _forecast_many(
        models,
        options.periods,
        options.freq,
        interval_width=options.interval_width,
        quantiles=options.quantiles,
        non_negative=options.non_negative,
    )
