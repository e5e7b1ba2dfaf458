"""Forecasts of many models over the same horizon: models with the same components share each NumPy call.

A forecast of 30 steps with an interval takes 200 NumPy calls, most of them on arrays so small that the call
costs more than the arithmetic.  Here up to CHUNK models share each call.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Matrix
from fleetcast.forecasting.calendar import Stamps, datetimes
from fleetcast.forecasting.features import days, fourier_series
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.options import DEFAULT_FORECAST, ForecastOptions
from fleetcast.forecasting.predict.combined import CombinedBatch
from fleetcast.forecasting.predict.future_rows import check_size, forecast_timestamps
from fleetcast.forecasting.predict.future_trend import SlopeChanges
from fleetcast.forecasting.predict.linear_intervals import LinearFutures, linear_deviations
from fleetcast.forecasting.predict.point_forecast import (
    Table,
    check_finite,
    forecast_by_model,
    terms,
    without_negatives,
    yhat,
)
from fleetcast.forecasting.predict.quantile_columns import column_probabilities
from fleetcast.forecasting.preprocessing import floor_column

CHUNK: Final = 32
"""Most models that share a call; their arrays fit into the processor's cache."""
MOST_ROWS: Final = 4_096
"""Most rows, of all models, in a call."""
_NORMAL: Final = NormalDist()


@ONE_THREAD
def forecast_many(
    models: Sequence[Model], options: ForecastOptions = DEFAULT_FORECAST
) -> list[Table | FutureError]:
    """Return the forecast of each model, in order: ds, and yhat with its quantiles.

    The columns are ds, yhat_lower, yhat_upper, yhat and one such as yhat_0.1 for each quantile, each of
    shape (periods,), equal to those of `forecast` to the last bit.  The result of a model for which
    `forecast` raises FutureError is that error.  The options periods, freq, quantiles, interval_width and
    non_negative are used.
    """
    tables: list[Table | FutureError] = [FutureError("")] * len(models)
    for indices in _chunks(models, most=min(CHUNK, max(1, MOST_ROWS // options.periods))):
        chunk = _chunk([models[i] for i in indices], options)
        for i, table in zip(indices, chunk, strict=True):
            tables[i] = table
    return tables


def _chunks(models: Sequence[Model], *, most: int) -> Iterator[list[int]]:
    """Yield the indices of models that share a call, at most `most` at once; others come one by one."""
    alike: dict[object, list[int]] = {}
    for i, model in enumerate(models):
        alike.setdefault(batch_key(model) or i, []).append(i)
    for indices in alike.values():
        for start in range(0, len(indices), most):
            yield indices[start : start + most]


def batch_key(model: Model) -> tuple[object, ...] | None:
    """Return what models that share a call have in common; None for a model that cannot share one."""
    layout, settings = model.layout, model.settings
    if settings.growth == "logistic" or layout.holidays or layout.regressors or layout.conditions:
        return None
    if (
        model.t_change.size and model.t_change[-1] > 1.0
    ):  # a changepoint in the future, which only a model from elsewhere has
        return None
    width = settings.interval_width if settings.uncertainty_samples else None
    combination = None if model.combination is None else model.combination.batch_key
    return id(layout), settings.growth, width, len(model.t_change), combination


def _chunk(models: list[Model], options: ForecastOptions) -> list[Table | FutureError]:
    """Return the forecasts of models that share a call, or of a single model."""
    try:
        return list(_tables(models, options)) if batch_key(models[0]) else _one_by_one(models, options)
    except FutureError:  # of one model or of all: one by one shows which
        return _one_by_one(models, options)


def _one_by_one(models: Sequence[Model], options: ForecastOptions) -> list[Table | FutureError]:
    """Return the forecast of each model by `forecast`."""
    return [_one(model, options) for model in models]


def _one(model: Model, options: ForecastOptions) -> Table | FutureError:
    """Return the forecast of one model by `forecast`, with the columns of `forecast_many`."""
    try:
        table = forecast_by_model(model, options)
    except FutureError as error:
        return error
    return {name: values for name, values in table.items() if name == "ds" or name.startswith("yhat")}


def _tables(models: list[Model], options: ForecastOptions) -> Iterator[Table]:
    """Yield the forecasts of models with one `batch_key`; raises FutureError."""
    settings = models[0].settings
    width = settings.interval_width if settings.uncertainty_samples else None
    shares = column_probabilities(width, options)
    ds = np.array([forecast_timestamps(options, last_dates=model.last_dates, dates=None) for model in models])
    t = np.array([model.scale.t(stamps) for model, stamps in zip(models, ds, strict=True)])
    if not (t[:, 0] > 1.0).all():
        raise FutureError("a step is too small beside the history of one of the models")
    y_scale = np.array([model.scale.y_scale for model in models])[:, None]
    check_size(ds.shape[1], models[0].layout.features)
    additive, multiplicative = _terms(models, ds, y_scale)
    factor = 1 + multiplicative
    middle = yhat(_trend(models, t) * y_scale, _floor(models), factor, additive)
    together = _combinations(models, ds)

    def prophets() -> Matrix:
        return _around(models, shares, t=t, factor=factor)

    around = None
    if shares:
        around = prophets() if together is None else together.around(shares, prophets)
    check_finite(middle, () if around is None else around)
    if together is not None:
        middle = together.yhat(middle)
    for i, stamps in enumerate(datetimes(ds)):
        table: Table = {"ds": stamps}
        if around is not None:
            table |= zip([f"yhat_{name}" for name in shares], middle[i] + around[i], strict=True)
        table["yhat"] = middle[i]
        yield without_negatives(table, shares) if options.non_negative else table


def _combinations(models: list[Model], ds: Stamps) -> CombinedBatch | None:
    combinations = [model.combination for model in models if model.combination is not None]
    return CombinedBatch.of(combinations, ds) if combinations else None


def _terms(models: list[Model], ds: Stamps, y_scale: Matrix) -> tuple[Matrix, Matrix]:
    """Return additive terms in units of y, and multiplicative ones as a share of the trend, (C, H) each."""
    layout = models[0].layout
    if not layout.seasonalities:
        return np.zeros(ds.shape), np.zeros(ds.shape)
    X = fourier_series(days(ds.ravel()), layout.harmonics).reshape(*ds.shape, -1)
    beta = np.array([model.parameters.beta for model in models])
    return terms(X, beta, layout.multiplicative, y_scale)


def _trend(models: list[Model], t: Matrix) -> Matrix:
    """Return the scaled trend after its last changepoint, shape (C, H)."""
    m = np.array([[model.parameters.m] for model in models])
    if models[0].settings.growth == "flat":
        return m * np.ones_like(t)
    k = np.array([[model.parameters.k] for model in models])
    delta = np.array([model.parameters.delta for model in models])
    t_change = np.array([model.t_change for model in models])
    trend: Matrix = (delta.sum(axis=1, keepdims=True) + k) * t
    trend += (delta * -t_change).sum(axis=1, keepdims=True) + m
    return trend


def _floor(models: list[Model]) -> Matrix:
    """Return the floor of each model in units of y, shape (C, 1)."""
    return np.array([[floor_column(model.scale, model.settings, None)] for model in models])


def _around(models: list[Model], shares: Mapping[str, float], *, t: Matrix, factor: Matrix) -> Matrix:
    """Return the distances of the quantiles from yhat, shape (C, Q, H), in units of y."""
    probabilities = tuple(shares.values())
    y_scale = np.array([model.scale.y_scale for model in models])
    noise = np.array([model.parameters.sigma_obs for model in models]) * y_scale
    if models[0].settings.growth == "flat":
        normal = np.array([_NORMAL.inv_cdf(share) for share in probabilities])
        return np.repeat(np.multiply.outer(noise, normal)[:, :, None], t.shape[1], axis=2)
    changes = [
        SlopeChanges.after(model.parameters, model.t_change, t=times, rows=model.rows)
        for model, times in zip(models, t, strict=True)
    ]
    futures = LinearFutures.of(changes, y_scale=y_scale, noise=noise, factor=factor)
    around, _ = linear_deviations(probabilities, futures, of_trend=False)
    return around
