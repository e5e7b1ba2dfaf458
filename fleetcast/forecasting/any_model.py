"""Forecast with a fitted model, and write it as text, for both kinds of models."""

from fleetcast.forecasting.model import Model, SampledModel
from fleetcast.forecasting.options import DEFAULT_FORECAST, ForecastOptions
from fleetcast.forecasting.predict import Table, forecast_by_model
from fleetcast.forecasting.prophet_json import model_json


def forecast(model: Model | SampledModel, options: ForecastOptions = DEFAULT_FORECAST) -> Table:
    """Forecast the steps after the last timestamp, or the timestamps `options.ds`.

    Returns a dict of arrays by Prophet's column names, each of shape (H,), ascending in time: ds, trend,
    yhat_lower, yhat_upper, trend_lower, trend_upper, additive_terms, multiplicative_terms, yhat; with
    logistic growth cap and floor; with `quantiles` columns such as yhat_0.1 and trend_0.1; with
    `components` each component and its _lower and _upper, which equal it, as a point estimate has no spread
    there.  All are in units of y, but for ds and for multiplicative terms, which are shares of the trend.

    Intervals are deterministic, except those of a SampledModel.

    Raises FutureError, with the reason, if this model cannot forecast these options.
    """
    if isinstance(model, SampledModel):
        from fleetcast.forecasting.stock_prophet import forecast_by_samples  # noqa: PLC0415 - rarely needed

        return forecast_by_samples(model, options)
    return forecast_by_model(model, options)


def dumps(model: Model | SampledModel) -> str:
    """Return Prophet's own JSON: `prophet.serialize.model_from_json` reads it and predicts the same."""
    return model.text if isinstance(model, SampledModel) else model_json(model)
