"""Fit Prophet's model to one customer's readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forecasting._changepoints import changepoints, without_changepoints
from forecasting._errors import SettingError
from forecasting._history import History, Scale, floor_column, history, scale
from forecasting._holidays import declared_holidays
from forecasting._json_read import SEEN_DATES
from forecasting._layout import Layout, layout
from forecasting._map import NoSolutionError, maximum_a_posteriori
from forecasting._model import Engine, Model
from forecasting._names import check_name
from forecasting._problem import Parameters, Problem, Vector
from forecasting._prophet import SampledModel, StockRequest, sampled_model, stock_parameters
from forecasting._regressors import Regressor, Standardization, added_regressor, standardization
from forecasting._seasonality import Seasonality, added_seasonality, with_automatic
from forecasting._settings import Settings, settings_from
from forecasting._timestamps import years

LEAST_ROWS = 4
"""Below, the estimate is Prophet's."""
LEAST_SIGMA = 1e-8
"""Scaled noise below which there is no optimum to find: the estimate is Prophet's."""
SIGMA_OF_CONSTANT = 1e-9
"""What Prophet says of readings that are all equal."""


def fit(  # noqa: PLR0913 - Prophet's model has this many inputs, all but two by name
    ds: ArrayLike,
    y: ArrayLike,
    *,
    cap: ArrayLike | None = None,
    floor: ArrayLike | None = None,
    regressors: Mapping[str, ArrayLike] | None = None,
    conditions: Mapping[str, ArrayLike] | None = None,
    seasonalities: Sequence[Mapping[str, Any]] = (),
    extra_regressors: Sequence[str | Mapping[str, Any]] | None = None,
    country_holidays: str | None = None,
    keep_history: bool = False,
    stan_arguments: Mapping[str, Any] | None = None,
    **prophet_arguments: Any,  # noqa: ANN401 - settings_from checks each
) -> Model | SampledModel:
    """Return Prophet's model of the readings y at the timestamps ds, both of shape (N,), in any order.

    Rows whose y is NaN are left out.  `cap` and `floor` (logistic growth), `regressors` and `conditions` have
    one value for each row, or one for all.  `seasonalities` are added ones, each with the arguments of
    Prophet's `add_seasonality`; `extra_regressors` are names or arguments of `add_regressor`, by default
    every one of `regressors`; `country_holidays` is a country's code or name.  `keep_history` keeps the
    readings in the model and its text.  `prophet_arguments` are those of Prophet's constructor.

    What the core does not cover goes to Prophet itself: `stan_arguments` (those of `Prophet.fit`),
    mcmc_samples, and data without a proper optimum; `model.engine` says which program fitted.

    Raises HistoryError, SettingError, and FitError when Prophet itself was called and failed.
    """
    settings = settings_from(prophet_arguments)
    declared = _declared(settings, seasonalities, extra_regressors, regressors)
    rows = history(
        ds,
        y,
        settings=settings,
        cap=cap,
        floor=floor,
        regressors=regressors,
        conditions=conditions,
        regressor_names=[regressor.name for regressor in declared.regressors],
        condition_names=declared.conditions,
    )
    prepared = _prepare(rows, settings, declared, country_holidays)
    request = StockRequest(
        settings=settings,
        seasonalities=declared.seasonalities,
        regressors=declared.regressors,
        country_holidays=country_holidays,
        history=rows,
        stan_arguments=dict(stan_arguments or {}),
        keep_history=keep_history,
    )
    if settings.mcmc_samples:
        return sampled_model(request)
    own = None if stan_arguments else _parameters(prepared)
    return _model(
        prepared,
        own or stock_parameters(request),
        engine="fleetcast" if own else "prophet",
        kept=keep_history,
    )


@dataclass(frozen=True, slots=True)
class _Declared:
    """What was added to the model by hand."""

    seasonalities: tuple[Seasonality, ...]
    regressors: tuple[Regressor, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """All of a fit but the estimate."""

    rows: History
    settings: Settings
    scale: Scale
    layout: Layout
    standardizations: tuple[Standardization, ...]
    t_change: Vector


_NOTHING = _Declared((), (), ())


def _declared(
    settings: Settings,
    seasonalities: Sequence[Mapping[str, Any]],
    extra_regressors: Sequence[str | Mapping[str, Any]] | None,
    given: Mapping[str, ArrayLike] | None,
) -> _Declared:
    if extra_regressors is None:
        extra_regressors = tuple(given or ())
    if not seasonalities and not extra_regressors:
        return _NOTHING
    added = {s.name: s for s in (added_seasonality(arguments, settings) for arguments in seasonalities)}
    declared = [added_regressor(arguments, settings) for arguments in extra_regressors]
    taken = {*added, *(settings.holidays.holiday if settings.holidays else ())}
    for regressor in declared:
        check_name(regressor.name, kind="regressor", taken=taken)
        taken.add(regressor.name)
    for name in added:
        if settings.holidays and name in settings.holidays.holiday:
            raise SettingError(f"the name {name!r} of a seasonality is already used for a holiday")
    conditions = dict.fromkeys(s.condition_name for s in added.values() if s.condition_name is not None)
    for name in conditions:
        check_name(name, kind="condition", taken=taken)
    return _Declared(tuple(added.values()), tuple(declared), tuple(conditions))


def _prepare(rows: History, settings: Settings, declared: _Declared, country: str | None) -> _Prepared:
    known = scale(rows, settings)
    placed, t_change = changepoints(rows, known, settings)
    holidays = None
    if settings.holidays is not None or country is not None:
        first, last = years(rows.ds[[0, -1]]).tolist()
        holidays = declared_holidays(settings.holidays, country, first, last, settings.holidays_prior_scale)
    seasonalities = with_automatic(declared.seasonalities, rows.ds, settings=settings)
    return _Prepared(
        rows=rows,
        settings=placed,
        scale=known,
        layout=layout(seasonalities, holidays, settings.holidays_mode, declared.regressors),
        standardizations=tuple(
            standardization(rows.regressors[regressor.name], standardize=regressor.standardize)
            for regressor in declared.regressors
        ),
        t_change=t_change,
    )


def _parameters(prepared: _Prepared) -> Parameters | None:
    """Return the estimate, or None when it has to be Prophet's."""
    settings, y = prepared.settings, prepared.rows.y
    if settings.growth != "logistic" and y.min() == y.max():
        return _constant(prepared)
    if y.size < LEAST_ROWS:
        return None
    try:
        found = maximum_a_posteriori(problem(prepared)).parameters
    except NoSolutionError:
        return None
    if found.sigma_obs < LEAST_SIGMA:
        return None
    return _folded(found) if without_changepoints(settings) else found


def problem(prepared: _Prepared) -> Problem:
    """Return the estimation problem, the design filled in place: t, ones, hinges, features."""
    rows, known, t_change = prepared.rows, prepared.scale, prepared.t_change
    S = t_change.size
    design = np.empty((2 + S + prepared.layout.features, rows.ds.size))
    design[0] = known.t(rows.ds)
    design[1] = 1.0
    hinges = design[2 : 2 + S]
    np.subtract(design[0], t_change[:, None], out=hinges)
    np.maximum(hinges, 0.0, out=hinges)
    prepared.layout.fill(
        design[2 + S :],
        rows.ds,
        regressors=rows.regressors,
        conditions=rows.conditions,
        standardizations=prepared.standardizations,
    )
    floor = floor_column(known, prepared.settings, rows.floor)
    return Problem(
        growth=prepared.settings.growth,
        design=design,
        y=(rows.y - floor) / known.y_scale,
        cap=None if rows.cap is None else (rows.cap - floor) / known.y_scale,
        t_change=t_change,
        multiplicative=prepared.layout.multiplicative,
        sigmas=prepared.layout.sigmas,
        tau=prepared.settings.changepoint_prior_scale,
    )


def _constant(prepared: _Prepared) -> Parameters:
    """Return Prophet's initial parameters, which it leaves as they are when all readings are equal."""
    floor = floor_column(prepared.scale, prepared.settings, None)
    return Parameters(
        k=0.0,
        m=float((prepared.rows.y[0] - floor) / prepared.scale.y_scale),
        delta=np.zeros(prepared.t_change.size),
        beta=np.zeros(prepared.layout.features),
        sigma_obs=SIGMA_OF_CONSTANT,
    )


def _folded(found: Parameters) -> Parameters:
    """Return the parameters with the delta of Prophet's stand-in changepoint at t = 0 moved into k."""
    k = found.k + float(found.delta[0])
    return Parameters(k, found.m, np.zeros(1), found.beta, found.sigma_obs)


def _model(prepared: _Prepared, parameters: Parameters, *, engine: Engine, kept: bool) -> Model:
    return Model(
        engine=engine,
        settings=prepared.settings,
        scale=prepared.scale,
        layout=prepared.layout,
        standardizations=prepared.standardizations,
        parameters=parameters,
        t_change=prepared.t_change,
        rows=prepared.rows.ds.size,
        last_dates=prepared.rows.dates[-SEEN_DATES:].copy(),
        history=prepared.rows if kept else None,
    )
