"""The forecast: Prophet's own expressions in its own order of operations, on NumPy arrays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fleetcast.errors import FutureError, SettingError
from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.calendar.frequency import future_stamps
from fleetcast.forecasting.calendar.timestamps import Stamps, datetimes, microseconds
from fleetcast.forecasting.features.regressors import condition_columns, numeric_columns
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.predict.characteristic_function import Cube
from fleetcast.forecasting.predict.intervals import deviations
from fleetcast.forecasting.predict.trend import lines, trend
from fleetcast.forecasting.preprocessing.history import floor_column, limits
from fleetcast.forecasting.settings import interval_width

if TYPE_CHECKING:
    from fleetcast.forecasting.model import Model

Table: TypeAlias = dict[str, NDArray[Any]]

MOST_BYTES_KEPT: Final = 8_192
"""Of the features and quantiles of the one horizon that a model keeps: some 35 steps."""


MOST_ROWS: Final = 10_000_000
"""Of one forecast."""
MOST_NUMBERS: Final = 100_000_000
"""Rows times features of one forecast: 0.8 GB."""
NEAREST: Final = 1e-12
"""How near to 0 and to 1 a quantile is computed; a nearer one is answered as this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a model; see `Model.predict`."""

    periods: int = 7
    freq: str | None = "D"
    include_history: bool = False
    quantiles: tuple[float, ...] = ()
    components: bool = False
    ds: ArrayLike | None = None
    regressors: Mapping[str, ArrayLike] | None = None
    cap: ArrayLike | None = None
    floor: ArrayLike | None = None
    conditions: Mapping[str, ArrayLike] | None = None
    interval_width: float | None = None
    non_negative: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows to forecast, ascending in time."""

    ds: Stamps
    cap: Vector | None
    floor: Vector | None
    regressors: Mapping[str, Vector]
    conditions: Mapping[str, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """What a model needs for the same rows again; the forecast itself is made anew each time.

    1.5 KB for 7 steps of a model with 26 features, of which X is most.
    """

    rows: _Rows
    X: Matrix
    """The features, shape (rows, K)."""
    t: Vector
    """Scaled time."""
    lines: tuple[Vector, Vector] | None
    """Slope and intercept of a linear trend at each row."""
    shares: Mapping[str, float]
    """The quantiles, by the ending of their column."""
    deviations: tuple[Matrix, Matrix] | None
    """How far they are from yhat and from the trend."""


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """The point forecast, each part of shape (rows,): in units of y, but for what is said to be scaled."""

    cap: Vector | None
    """Scaled, above the floor."""
    trend: Vector
    additive: Vector
    multiplicative: Vector
    """A share of the trend above its floor."""
    yhat: Vector


def forecast(model: "Model", request: Request) -> Table:
    """Return the forecast's columns; see `Model.predict`."""
    key = _key(model, request)
    try:
        horizon = None if key is None else model.kept.get(key)
    except TypeError:  # a list where a number belongs: what follows says so
        horizon = None
    if horizon is None:
        with ONE_THREAD:
            horizon = _horizon(model, request)
            point = _point(model, horizon)
            horizon = replace(horizon, deviations=_deviations(model, horizon, point))
        check_finite(point.yhat, horizon.deviations[0] if horizon.deviations else ())
        _keep(model, key, horizon)
    else:
        point = _point(model, horizon)  # OpenBLAS shares no product of so few numbers among threads
    table = _table(model, horizon, point, components=request.components)
    return without_negatives(table, horizon.shares) if request.non_negative else table


def check_finite(yhat: Matrix, around: Cube | tuple[()]) -> None:
    """Refuse a forecast, or quantiles around it, beyond what a number can hold; raises FutureError."""
    if not (np.isfinite(yhat).all() and np.isfinite(around).all()):
        raise FutureError("the forecast is too large for a number; check regressors, cap, floor and ds")


def without_negatives(table: Table, endings: Iterable[str]) -> Table:
    """Return the table with yhat and its quantiles, the columns with these endings, at least 0.

    The trend and the components stay what the model says of them.
    """
    names = ("yhat", *(f"yhat_{ending}" for ending in endings))
    # 0.0 is added so that no -0.0 is left, of which two processors may make different things
    return table | {name: np.maximum(table[name], 0.0) + 0.0 for name in names}


def _key(model: "Model", request: Request) -> tuple[object, ...] | None:
    """Return what the horizon depends on, or None where it depends on more than a few words."""
    given = request.ds, request.regressors, request.cap, request.floor, request.conditions
    if request.include_history or model.settings.growth == "logistic" or any(x is not None for x in given):
        return None
    if isinstance(request.periods, bool) or isinstance(request.interval_width, bool):
        return None  # True is no 1 here, though it equals it
    return request.periods, request.freq, request.interval_width, request.quantiles


def _keep(model: "Model", key: tuple[object, ...] | None, horizon: Horizon) -> None:
    around = sum(each.nbytes for each in horizon.deviations or ())
    if key is not None and horizon.X.nbytes + around <= MOST_BYTES_KEPT:
        model.kept.clear()
        model.kept[key] = horizon


def _horizon(model: "Model", request: Request) -> Horizon:
    rows = _rows(model, request)
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
        shares=probabilities(width, request),
        deviations=None,
    )


def _point(model: "Model", horizon: Horizon) -> _Point:
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


def yhat(above: Matrix, floor: Matrix | float, factor: Matrix, additive: Matrix) -> Matrix:
    """Return the forecast of a trend `above` its floor: the factor 1 + terms multiplies what is above it.

    That is the model that was fitted.  Prophet's own `predict` multiplies the floor too, and is wrong by
    floor * terms where a floor (of logistic growth, or the least reading with minmax) is not 0.
    """
    forecast: Matrix = above * factor + floor + additive
    return forecast


def _deviations(model: "Model", horizon: Horizon, point: _Point) -> tuple[Matrix, Matrix] | None:
    if not horizon.shares:
        return None
    return deviations(
        tuple(horizon.shares.values()),
        growth=model.settings.growth,
        parameters=model.parameters,
        t_change=model.t_change,
        y_scale=model.scale.y_scale,
        rows=model.rows,
        t=horizon.t,
        multiplicative_terms=point.multiplicative,
        cap=point.cap,
    )


def _table(model: "Model", horizon: Horizon, point: _Point, *, components: bool) -> Table:
    rows = horizon.rows
    table: Table = {"ds": datetimes(rows.ds), "trend": point.trend}
    if rows.cap is not None:
        table["cap"] = rows.cap
    if rows.floor is not None:
        table["floor"] = rows.floor
    if horizon.deviations is not None:
        around_yhat, around_trend = horizon.deviations
        for what, middle, around in (("yhat", point.yhat, around_yhat), ("trend", point.trend, around_trend)):
            table |= zip([f"{what}_{name}" for name in horizon.shares], middle + around, strict=True)
    if components:
        table |= _components(model, horizon.X)
    else:
        table |= {"additive_terms": point.additive, "multiplicative_terms": point.multiplicative}
    table["yhat"] = point.yhat
    return table


def terms(X: Cube, beta: Matrix, multiplicative: Flags, y_scale: Matrix | float) -> tuple[Matrix, Matrix]:
    """Return additive terms in units of y, and multiplicative ones as a share of the trend.

    Of one model X is (H, K) and beta (K,), the terms (H,); of C models of one layout they are (C, H, K),
    (C, K), (C, H), and y_scale is (C, 1).  Both make the same products, model by model: no bit differs.
    """
    if not multiplicative.any():
        return _effects(X, beta) * y_scale, np.zeros(X.shape[:-1])
    added, multiplied = np.where(multiplicative, 0.0, beta), np.where(multiplicative, beta, 0.0)
    return _effects(X, added) * y_scale, _effects(X, multiplied)


def _effects(X: Cube, beta: Matrix) -> Matrix:
    effects: Matrix = X @ beta if beta.ndim == 1 else (X @ beta[:, :, None])[:, :, 0]
    return effects


def _components(model: "Model", X: Matrix) -> Table:
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


def probabilities(default_width: float | None, request: Request) -> dict[str, float]:
    """Return the quantiles to compute by the ending of their column; raises FutureError.

    There is no interval when the model has no width and none was asked for.
    """
    shares, width = {}, default_width
    if request.interval_width is not None:
        try:
            width = interval_width("interval_width", request.interval_width)
        except SettingError as error:
            raise FutureError(str(error)) from error
    if width is not None:
        shares = {"lower": (1.0 - width) / 2, "upper": (1.0 + width) / 2}
    for share in request.quantiles:
        if isinstance(share, (bool, np.bool_)) or not isinstance(share, Real) or not 0 < share < 1:
            raise FutureError(f"quantiles must be numbers between 0 and 1, not {share!r}")
        shares[repr(float(share))] = float(share)
    return {ending: min(max(share, NEAREST), 1.0 - NEAREST) for ending, share in shares.items()}


def _rows(model: "Model", request: Request) -> _Rows:
    ds = future_rows(
        request, last_dates=model.last_dates, dates=model.history.dates if model.history else None
    )
    cap, floor = None, None
    names = [regressor.name for regressor in model.layout.regressors]
    logistic = model.settings.growth == "logistic"
    check_known(request, logistic, model.scale.logistic_floor, names, model.layout.conditions)
    try:
        if logistic:
            cap, floor = _limits(model, request, ds.size)
        regressors = numeric_columns(names, request.regressors, rows=ds.size) if names else {}
        names = list(model.layout.conditions)
        conditions = condition_columns(names, request.conditions, rows=ds.size) if names else {}
    except (ValueError, TypeError, OverflowError) as error:
        raise FutureError(str(error)) from error
    rows = _Rows(ds, cap, floor, regressors, conditions)
    return rows if request.ds is None or (np.diff(ds) >= 0).all() else _sorted(rows)


def check_known(
    request: Request,
    logistic: bool,  # noqa: FBT001 - read once, here
    has_floor: bool,  # noqa: FBT001
    regressors: Iterable[str],
    conditions: Iterable[str],
) -> None:
    """Refuse by name what the model would not use; raises FutureError."""
    for kind, names, known in (
        ("regressors", request.regressors, list(regressors)),
        ("conditions", request.conditions, list(conditions)),
    ):
        for name in () if names is None else names:
            if name not in known:
                accepted = ", ".join(map(repr, known)) or "none"
                raise FutureError(f"{kind}: this model does not use {name!r}; it uses {accepted}")
    for name, value, used, why in (
        ("cap", request.cap, logistic, "was not fitted with logistic growth"),
        ("floor", request.floor, has_floor, "was fitted without a floor"),
    ):
        if value is not None and not used:
            raise FutureError(f"{name} has no use, as this model {why}; non_negative raises forecasts to 0")


def check_size(rows: int, features: int) -> None:
    """Refuse a forecast that takes more memory than any has use for; raises FutureError."""
    if rows * features > MOST_NUMBERS:
        most = MOST_NUMBERS // features
        raise FutureError(f"a forecast with {features} features has at most {most} rows; ask for fewer")


def _sorted(rows: _Rows) -> _Rows:
    order = np.argsort(rows.ds, kind="stable")
    return _Rows(
        ds=rows.ds[order],
        cap=None if rows.cap is None else rows.cap[order],
        floor=None if rows.floor is None else rows.floor[order],
        regressors={name: values[order] for name, values in rows.regressors.items()},
        conditions={name: values[order] for name, values in rows.conditions.items()},
    )


def future_rows(request: Request, *, last_dates: Stamps, dates: Stamps | None) -> Stamps:
    """Return the timestamps asked for, `ds` in its own order; raises FutureError.

    `last_dates` are the last seen; `dates` all of them, where the model has its history.
    """
    if request.ds is not None:
        try:
            stamps = microseconds(request.ds)
        except (ValueError, TypeError) as error:
            raise FutureError(str(error)) from error
        if not stamps.size:
            raise FutureError("ds has no rows; a forecast needs at least one timestamp")
        if stamps.size > MOST_ROWS:
            raise FutureError(f"ds must have at most {MOST_ROWS} timestamps")
        return stamps
    periods = request.periods
    if (
        isinstance(periods, bool)
        or not isinstance(periods, (int, np.integer))
        or not 1 <= periods <= MOST_ROWS
    ):
        raise FutureError(
            f"periods must be a whole number of at least 1 and at most {MOST_ROWS}, not {periods!r:.40}"
        )
    future = future_stamps(last_dates, int(periods), request.freq)
    if not request.include_history:
        return future
    if dates is None:
        raise FutureError(
            "include_history needs the history, which this model does not have; fit it with keep_history"
        )
    return np.concatenate([dates, future])


def _limits(model: "Model", request: Request, rows: int) -> tuple[Vector, Vector | None]:
    if request.cap is None:
        raise FutureError("this model grows logistically: a forecast needs cap, the capacity at each row")
    if model.scale.logistic_floor and request.floor is None:
        raise FutureError("this model was fitted with a floor: a forecast needs floor too")
    cap, floor = limits(request.cap, request.floor if model.scale.logistic_floor else None, rows=rows)
    if (cap <= floor_column(model.scale, model.settings, floor)).any():
        raise FutureError("cap must be greater than floor (which defaults to 0) in every row")
    return cap, floor
