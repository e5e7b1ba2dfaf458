"""Forecasts with a model of MCMC samples by stock Prophet, which is imported on first use."""

import json
from typing import Any

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.extras import require
from fleetcast.forecasting.calendar import Stamps, datetimes, from_iso
from fleetcast.forecasting.model import LAST_DATES, SampledModel
from fleetcast.forecasting.options import ForecastOptions
from fleetcast.forecasting.predict import (
    Table,
    check_columns,
    check_finite,
    column_probabilities,
    forecast_timestamps,
    without_negatives,
)
from fleetcast.forecasting.stock_prophet.fallback import without_plotly

_ALWAYS_SHOWN = ("ds", "trend", "cap", "floor", "additive_terms", "multiplicative_terms", "yhat")
_NOT_A_MODEL = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_INTERVALS = ("yhat_lower", "yhat_upper", "trend_lower", "trend_upper")


def forecast_by_samples(sampled: SampledModel, options: ForecastOptions) -> Table:
    """Return the columns that `fleetcast.forecast` returns, arrays of shape (rows,); raises FutureError.

    The intervals are Prophet's, so they differ from call to call.
    """
    require("prophet", extra="prophet")
    import pandas as pd  # noqa: PLC0415 - slow, rarely needed

    model = _stock_model(sampled.text)
    conditions = [s["condition_name"] for s in model.seasonalities.values() if s["condition_name"]]
    logistic = model.growth == "logistic"
    check_columns(
        options,
        logistic=logistic,
        has_floor=model.logistic_floor,
        regressors=model.extra_regressors,
        conditions=conditions,
    )
    frame = pd.DataFrame({"ds": datetimes(_stamps(sampled.text, options))})
    for columns in (options.regressors, options.conditions):
        for name, values in () if columns is None else columns.items():
            frame[name] = np.asarray(values)
    for name in ("cap", "floor"):
        if getattr(options, name) is not None:
            frame[name] = getattr(options, name)
    shares = column_probabilities(model.interval_width if model.uncertainty_samples else None, options)
    if options.interval_width is not None:
        model.interval_width = options.interval_width
    try:
        forecast = model.predict(frame)
        needs_samples = options.quantiles or (shares and not model.uncertainty_samples)
        samples = model.predictive_samples(frame) if needs_samples else {}
    except ValueError as error:
        raise FutureError(str(error)) from error
    except _NOT_A_MODEL as error:
        raise FutureError("Prophet cannot forecast with this model") from error
    shown = [name for name in forecast if options.components or name in (*_ALWAYS_SHOWN, *_INTERVALS)]
    table: Table = {name: forecast[name].to_numpy() for name in shown}
    table["ds"] = table["ds"].astype("datetime64[us]")
    for name, share in shares.items():
        if f"yhat_{name}" not in table:
            table |= {f"{of}_{name}": np.quantile(samples[of], share, axis=1) for of in ("yhat", "trend")}
    check_finite(table["yhat"], np.array([table[f"yhat_{ending}"] for ending in shares]))
    return without_negatives(table, shares) if options.non_negative else table


def _stock_model(text: str) -> Any:  # noqa: ANN401 - a Prophet, whose package has no types
    without_plotly()
    from prophet.serialize import model_from_json  # noqa: PLC0415

    try:
        return model_from_json(text)
    except _NOT_A_MODEL as error:
        raise FutureError("Prophet cannot read this model") from error


def _stamps(text: str, options: ForecastOptions) -> Stamps:
    content = json.loads(text)
    dates = from_iso(json.loads(content["history_dates"])["data"])
    all_dates = dates if "fleetcast" not in content else None
    return forecast_timestamps(options, last_dates=dates[-LAST_DATES:], dates=all_dates)
