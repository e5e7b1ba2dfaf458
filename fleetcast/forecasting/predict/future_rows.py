"""The rows of a forecast: its timestamps, and the columns that the model needs for them."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, future_stamps, microseconds
from fleetcast.forecasting.features import condition_columns, numeric_columns
from fleetcast.forecasting.horizon import ForecastRows
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.options import ForecastOptions
from fleetcast.forecasting.preprocessing import cap_and_floor, floor_column

MOST_NUMBERS: Final = 100_000_000
"""Most rows times features of one forecast, which take 0.8 GB."""


def forecast_rows(model: Model, options: ForecastOptions) -> ForecastRows:
    """Return the rows of a forecast with their columns; raises FutureError."""
    ds = forecast_timestamps(
        options, last_dates=model.last_dates, dates=model.history.dates if model.history else None
    )
    cap, floor = None, None
    names = [regressor.name for regressor in model.layout.regressors]
    logistic = model.settings.growth == "logistic"
    check_columns(
        options,
        logistic=logistic,
        has_floor=model.scale.logistic_floor,
        regressors=names,
        conditions=model.layout.conditions,
    )
    try:
        if logistic:
            cap, floor = _limits(model, options, ds.size)
        regressors = numeric_columns(names, options.regressors, rows=ds.size) if names else {}
        names = list(model.layout.conditions)
        conditions = condition_columns(names, options.conditions, rows=ds.size) if names else {}
    except (ValueError, TypeError, OverflowError) as error:
        raise FutureError(str(error)) from error
    rows = ForecastRows(ds, cap, floor, regressors, conditions)
    return rows if options.ds is None or (np.diff(ds) >= 0).all() else _in_time_order(rows)


def check_columns(
    options: ForecastOptions,
    *,
    logistic: bool,
    has_floor: bool,
    regressors: Iterable[str],
    conditions: Iterable[str],
) -> None:
    """Raise FutureError for columns that the model does not use."""
    for kind, names, accepted in (
        ("regressors", options.regressors, list(regressors)),
        ("conditions", options.conditions, list(conditions)),
    ):
        for name in () if names is None else names:
            if name not in accepted:
                used = ", ".join(map(repr, accepted)) or "none"
                raise FutureError(f"{kind}: this model does not use {name!r}; it uses {used}")
    for name, value, is_used, why in (
        ("cap", options.cap, logistic, "was not fitted with logistic growth"),
        ("floor", options.floor, has_floor, "was fitted without a floor"),
    ):
        if value is not None and not is_used:
            raise FutureError(f"{name} has no use, as this model {why}; non_negative raises forecasts to 0")


def check_size(rows: int, features: int) -> None:
    """Raise FutureError if a forecast has too many rows for its number of features."""
    if rows * features > MOST_NUMBERS:
        most = MOST_NUMBERS // features
        raise FutureError(f"a forecast with {features} features has at most {most} rows; ask for fewer")


def _in_time_order(rows: ForecastRows) -> ForecastRows:
    """Return the rows sorted by time; rows with equal timestamps keep their order."""
    order = np.argsort(rows.ds, kind="stable")
    return ForecastRows(
        ds=rows.ds[order],
        cap=None if rows.cap is None else rows.cap[order],
        floor=None if rows.floor is None else rows.floor[order],
        regressors={name: values[order] for name, values in rows.regressors.items()},
        conditions={name: values[order] for name, values in rows.conditions.items()},
    )


def forecast_timestamps(options: ForecastOptions, *, last_dates: Stamps, dates: Stamps | None) -> Stamps:
    """Return the timestamps to forecast: `options.ds` in its own order, or the steps after the history.

    `last_dates` are the last timestamps of the history; `dates` are all of them, if the model has them.
    Raises FutureError.
    """
    if options.ds is not None:
        return microseconds(options.ds)
    future = future_stamps(last_dates, options.periods, options.freq)
    if not options.include_history:
        return future
    if dates is None:
        raise FutureError(
            "include_history needs the history, which this model does not have; fit it with keep_history"
        )
    return np.concatenate([dates, future])


def _limits(model: Model, options: ForecastOptions, rows: int) -> tuple[Vector, Vector | None]:
    """Return cap and floor of logistic growth, shape (H,); raises FutureError."""
    if options.cap is None:
        raise FutureError("this model grows logistically: a forecast needs cap, the capacity at each row")
    if model.scale.logistic_floor and options.floor is None:
        raise FutureError("this model was fitted with a floor: a forecast needs floor too")
    cap, floor = cap_and_floor(options.cap, options.floor if model.scale.logistic_floor else None, rows=rows)
    if (cap <= floor_column(model.scale, model.settings, floor)).any():
        raise FutureError("cap must be greater than floor (which defaults to 0) in every row")
    return cap, floor
