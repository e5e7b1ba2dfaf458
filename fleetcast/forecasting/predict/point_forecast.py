"""The forecast of one model, by Prophet's own expressions in its own order of operations.

The parts that depend on the horizon but not on its caller (`Horizon`) are cached in the model, so that a
service that repeats a short forecast computes only the point forecast.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.calendar import datetimes
from fleetcast.forecasting.horizon import Horizon
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.options import ForecastOptions
from fleetcast.forecasting.predict.characteristic_function import Cube
from fleetcast.forecasting.predict.combined import combined
from fleetcast.forecasting.predict.future_rows import check_size, forecast_rows
from fleetcast.forecasting.predict.intervals import deviations
from fleetcast.forecasting.predict.quantile_columns import column_probabilities
from fleetcast.forecasting.predict.trend import lines, trend
from fleetcast.forecasting.preprocessing import floor_column

Table: TypeAlias = dict[str, NDArray[Any]]

MOST_CACHED_BYTES: Final = 8_192
"""Largest size of the features and quantiles of a cached horizon, which is about 35 steps."""


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """The point forecast, each part of shape (H,), in units of y unless stated otherwise."""

    cap: Vector | None
    """Scaled, above the floor."""
    trend: Vector
    additive: Vector
    multiplicative: Vector
    """As a share of the trend above its floor."""
    yhat: Vector


def forecast_by_model(model: Model, options: ForecastOptions) -> Table:
    """Return the columns of the forecast; see `fleetcast.forecast`."""
    key = _key(model, options)
    horizon = None if key is None else model.horizon_cache.get(key)
    if horizon is None:
        with ONE_THREAD:
            horizon = _horizon(model, options)
            point = _point(model, horizon)
            horizon = replace(horizon, deviations=_deviations(model, horizon, point))
            if model.combination is not None:
                effects = partial(_known_effects, model, horizon, point)
                horizon = combined(horizon, model.combination, effects)
        check_finite(point.yhat, horizon.deviations[0] if horizon.deviations else ())
        _cache(model, key, horizon)
    else:
        point = _point(model, horizon)  # OpenBLAS uses one thread for products of so few numbers
    if horizon.others is None:
        table = _table(model, horizon, point, components=options.components)
    else:
        together = replace(point, yhat=horizon.others.of(point.yhat))
        table = _table(model, horizon, together, components=options.components)
        if options.components:
            table["correction"] = together.yhat - point.yhat
    return without_negatives(table, horizon.probabilities) if options.non_negative else table


@ONE_THREAD
def known_effects(model: Model, options: ForecastOptions) -> Vector:
    """Return the effects of holidays and regressors on the rows of a forecast, shape (H,), in units of y.

    A multiplicative effect is its share of the trend above the floor.  Raises FutureError as
    `fleetcast.forecast` does.
    """
    horizon = _horizon(model, options)
    return _known_effects(model, horizon, _point(model, horizon))


def check_finite(yhat: Matrix, around: Cube | tuple[()]) -> None:
    """Raise FutureError if a forecast, or the distances of its quantiles, are not finite."""
    if not (np.isfinite(yhat).all() and np.isfinite(around).all()):
        raise FutureError("the forecast is too large for a number; check regressors, cap, floor and ds")


def without_negatives(table: Table, endings: Iterable[str]) -> Table:
    """Return the table with yhat, and its columns with these endings, raised to at least 0.

    The trend and the components stay as they are.
    """
    names = ("yhat", *(f"yhat_{ending}" for ending in endings))
    # adding 0.0 turns -0.0 into 0.0: processors differ in which of them is the larger
    return table | {name: np.maximum(table[name], 0.0) + 0.0 for name in names}


def _key(model: Model, options: ForecastOptions) -> tuple[object, ...] | None:
    """Return the options that the horizon depends on, or None if it depends on arrays too."""
    if options.include_history or model.settings.growth == "logistic" or options.ds is not None:
        return None
    if options.regressors is not None or options.conditions is not None:
        return None
    if options.cap is not None or options.floor is not None:
        return None
    return options.periods, options.freq, options.interval_width, options.quantiles


def _cache(model: Model, key: tuple[object, ...] | None, horizon: Horizon) -> None:
    """Put a small horizon into the model's cache, in the place of the horizon there."""
    around = sum(distances.nbytes for distances in horizon.deviations or ())
    if key is not None and horizon.X.nbytes + around <= MOST_CACHED_BYTES:
        model.horizon_cache.clear()
        model.horizon_cache[key] = horizon


def _horizon(model: Model, options: ForecastOptions) -> Horizon:
    """Return the horizon without the distances of the quantiles; raises FutureError."""
    rows = forecast_rows(model, options)
    check_size(rows.ds.size, model.layout.features)
    X = model.layout.matrix(
        rows.ds,
        regressors=rows.regressors,
        conditions=rows.conditions,
        standardizations=model.standardizations,
    )
    t = model.scale.t(rows.ds)
    linear = model.settings.growth == "linear"
    width = model.settings.interval_width if model.settings.uncertainty_samples else None
    return Horizon(
        rows=rows,
        X=X,
        t=t,
        lines=lines(model.parameters, model.t_change, t=t) if linear else None,
        probabilities=column_probabilities(width, options),
        deviations=None,
    )


def _point(model: Model, horizon: Horizon) -> _Point:
    """Return the point forecast for the rows of a horizon."""
    rows, y_scale = horizon.rows, model.scale.y_scale
    floor = floor_column(model.scale, model.settings, rows.floor)
    cap = None if rows.cap is None else (rows.cap - floor) / y_scale
    if horizon.lines is not None:
        k_t, m_t = horizon.lines
        scaled = k_t * horizon.t + m_t
    else:
        scaled = trend(model.settings.growth, model.parameters, model.t_change, t=horizon.t, cap=cap)
    above = scaled * y_scale
    additive, multiplicative = terms(horizon.X, model.parameters.beta, model.layout.multiplicative, y_scale)
    return _Point(
        cap, above + floor, additive, multiplicative, yhat(above, floor, 1 + multiplicative, additive)
    )


def _known_effects(model: Model, horizon: Horizon, point: _Point) -> Vector:
    """Return what holidays and regressors add to the forecast of a horizon, shape (H,), in units of y."""
    beta = model.parameters.beta.copy()
    beta[: 2 * len(model.layout.harmonics)] = 0.0
    additive, multiplicative = terms(horizon.X, beta, model.layout.multiplicative, model.scale.y_scale)
    floor = floor_column(model.scale, model.settings, horizon.rows.floor)
    return additive + (point.trend - floor) * multiplicative


def yhat(above: Matrix, floor: Matrix | float, factor: Matrix, additive: Matrix) -> Matrix:
    """Return the forecast: the trend `above` its floor times `factor`, plus the floor and additive terms.

    This is the model that was fitted.  Prophet's own `predict` multiplies the floor too; it is wrong by
    floor * terms if the floor (of logistic growth, or the least reading with minmax) is not 0.
    """
    forecast: Matrix = above * factor + floor + additive
    return forecast


def _deviations(model: Model, horizon: Horizon, point: _Point) -> tuple[Matrix, Matrix] | None:
    """Return the distances of the quantiles from yhat and from the trend, or None without quantiles."""
    if not horizon.probabilities:
        return None
    return deviations(
        tuple(horizon.probabilities.values()),
        growth=model.settings.growth,
        parameters=model.parameters,
        t_change=model.t_change,
        y_scale=model.scale.y_scale,
        rows=model.rows,
        t=horizon.t,
        multiplicative_terms=point.multiplicative,
        cap=point.cap,
    )


def _table(model: Model, horizon: Horizon, point: _Point, *, components: bool) -> Table:
    """Return the columns of the forecast in Prophet's order."""
    rows = horizon.rows
    table: Table = {"ds": datetimes(rows.ds), "trend": point.trend}
    if rows.cap is not None:
        table["cap"] = rows.cap
    if rows.floor is not None:
        table["floor"] = rows.floor
    if horizon.deviations is not None:
        around_yhat, around_trend = horizon.deviations
        for what, middle, around in (("yhat", point.yhat, around_yhat), ("trend", point.trend, around_trend)):
            table |= zip([f"{what}_{name}" for name in horizon.probabilities], middle + around, strict=True)
    if components:
        table |= _components(model, horizon.X)
    else:
        table |= {"additive_terms": point.additive, "multiplicative_terms": point.multiplicative}
    table["yhat"] = point.yhat
    return table


def terms(X: Cube, beta: Matrix, multiplicative: Flags, y_scale: Matrix | float) -> tuple[Matrix, Matrix]:
    """Return the additive terms in units of y, and the multiplicative ones as a share of the trend.

    For one model X is of shape (H, K), beta (K,) and the terms (H,).  For C models of one layout they are of
    shape (C, H, K), (C, K) and (C, H), and y_scale (C, 1).  Both compute the same products for each model, so
    that the results are equal to the last bit.
    """
    if not multiplicative.any():
        return _effects(X, beta) * y_scale, np.zeros(X.shape[:-1])
    added, multiplied = np.where(multiplicative, 0.0, beta), np.where(multiplicative, beta, 0.0)
    return _effects(X, added) * y_scale, _effects(X, multiplied)


def _effects(X: Cube, beta: Matrix) -> Matrix:
    """Return the sum of the effects of the features in each row."""
    effects: Matrix = X @ beta if beta.ndim == 1 else (X @ beta[:, :, None])[:, :, 0]
    return effects


def _components(model: Model, X: Matrix) -> Table:
    """Return each component with its _lower and _upper."""
    beta, table = model.parameters.beta, {}
    for component in model.layout.components:
        columns = list(component.columns)
        effect = X[:, columns] @ beta[columns]
        if component.mode == "additive":
            effect *= model.scale.y_scale
        table[component.name] = effect
        if model.settings.uncertainty_samples:
            table[f"{component.name}_lower"] = table[f"{component.name}_upper"] = effect
    return table
