"""Fit Prophet's model to one customer's readings."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.limits import LARGEST, are_within
from fleetcast.forecasting.model import (
    LAST_DATES,
    WRONG_SAMPLES,
    Engine,
    Model,
    SampledModel,
    samples_are_wrong,
)
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.options import DEFAULT_FIT, FitOptions, RowColumns
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import (
    Prepared,
    estimation_problem,
    floor_column,
    prepare,
    without_changepoints,
)
from fleetcast.forecasting.solver import NoSolutionError, Problem, maximum_a_posteriori

LEAST_ROWS = 4
"""Below, the estimate is Prophet's."""
LEAST_SIGMA = 1e-8
"""Scaled noise below which there is no optimum to find: the estimate is Prophet's."""
SIGMA_OF_CONSTANT = 1e-9
"""What Prophet says of readings that are all equal."""
RATE_OF_NOTHING, MIDDLE_OF_NOTHING = 1.0, 700.0
"""Logistic growth that is half its cap after 700 histories; exp(700) is still a number."""


def fit(  # noqa: PLR0913 - readings, options, and four columns by name
    ds: ArrayLike,
    y: ArrayLike,
    options: FitOptions = DEFAULT_FIT,
    *,
    cap: ArrayLike | None = None,
    floor: ArrayLike | None = None,
    regressors: Mapping[str, ArrayLike] | None = None,
    conditions: Mapping[str, ArrayLike] | None = None,
) -> Model | SampledModel:
    """Return Prophet's model of the readings y at the timestamps ds, both of shape (N,), in any order.

    Rows whose y is NaN are left out.  `cap` and `floor` (with logistic growth only), `regressors` and
    `conditions` have one value for each row, or one for all.

    Stock Prophet fits what this solver does not cover: `stan_arguments`, `mcmc_samples`, and data for which
    the objective has no minimum; `model.engine` says which program fitted.

    Raises HistoryError for readings that no model can be fitted to, SettingError for options that contradict
    the columns, and FitError when stock Prophet was called and failed.
    """
    prepared = prepare(ds, y, RowColumns(cap, floor, regressors, conditions), options)
    by_stock = prepared.settings.mcmc_samples or options.stan_arguments
    estimate = None if by_stock else _estimate(prepared)
    if estimate is not None:
        return fitted_model(prepared, *estimate, keep_history=options.keep_history)
    return _by_stock_prophet(prepared, options)


def _by_stock_prophet(prepared: Prepared, options: FitOptions) -> Model | SampledModel:
    from fleetcast.forecasting.stock_prophet import (  # noqa: PLC0415 - rarely needed
        sampled_model,
        stock_parameters,
    )

    stan_arguments = dict(options.stan_arguments or {})
    if prepared.settings.mcmc_samples:
        if samples_are_wrong(prepared.settings, prepared.scale, prepared.layout.multiplicative):
            raise SettingError(WRONG_SAMPLES)
        return sampled_model(prepared, stan_arguments, keep_history=options.keep_history)
    parameters = stock_parameters(prepared, stan_arguments)
    return fitted_model(prepared, parameters, engine="prophet", keep_history=options.keep_history)


@ONE_THREAD
def _estimate(prepared: Prepared) -> tuple[Parameters, Vector | None] | None:
    """Return the estimate and the residuals it left, or None when it has to be Prophet's."""
    settings, y = prepared.settings, prepared.rows.y
    if settings.growth != "logistic" and y[0] == y[-1] and y.min() == y.max():
        return _constant(prepared), None
    if (
        settings.growth == "logistic"
        and (y == floor_column(prepared.scale, settings, prepared.rows.floor)).all()
    ):
        return _nothing(prepared), None
    if y.size < LEAST_ROWS:
        return _line(prepared)
    try:
        given = estimation_problem(prepared)
        found = maximum_a_posteriori(given).parameters
    except (NoSolutionError, ArithmeticError):
        return _line(prepared)
    if found.sigma_obs < LEAST_SIGMA:
        return _line(prepared)
    residuals = _residuals(given, found, y_scale=prepared.scale.y_scale)
    return (folded(found) if without_changepoints(settings) else found), residuals


def _residuals(given: Problem, found: Parameters, *, y_scale: float) -> Vector | None:
    """Return y - yhat in units of y; None where the model is not linear in its parameters."""
    if given.growth == "logistic" or given.multiplicative.any():
        return None
    theta = np.concatenate(((found.k, found.m), found.delta, found.beta))
    if given.growth == "flat":
        theta[0] = theta[2 : 2 + found.delta.size] = 0.0
    return (given.y - theta @ given.design) * y_scale


def _constant(prepared: Prepared) -> Parameters:
    """Return Prophet's initial parameters, which it leaves as they are when all readings are equal."""
    floor = floor_column(prepared.scale, prepared.settings, None)
    return Parameters(
        k=0.0,
        m=float((prepared.rows.y[0] - floor) / prepared.scale.y_scale),
        delta=np.zeros(prepared.t_change.size),
        beta=np.zeros(prepared.layout.features),
        sigma_obs=SIGMA_OF_CONSTANT,
    )


def _nothing(prepared: Prepared) -> Parameters:
    """Return logistic growth that is still at its floor: less than 1e-290 of the cap for ages to come.

    Prophet's answer to readings that all equal the floor is as small; Stan needs a second to find it.
    """
    zeros = np.zeros(prepared.t_change.size), np.zeros(prepared.layout.features)
    return Parameters(RATE_OF_NOTHING, MIDDLE_OF_NOTHING, *zeros, SIGMA_OF_CONSTANT)


def _line(prepared: Prepared) -> tuple[Parameters, None] | None:
    """Return the line through readings that lie on one without noise; None where they do not.

    It is what Prophet starts from.  There is no optimum, as less noise is always more likely, and Stan would
    go on for minutes to look for it.
    """
    if prepared.settings.growth != "linear":
        return None
    rows, known = prepared.rows, prepared.scale
    t = known.t(rows.ds)
    y = (rows.y - floor_column(known, prepared.settings, rows.floor)) / known.y_scale
    k, m = float(y[-1] - y[0]), float(y[0])
    if np.abs(y - (m + k * t)).max() > LEAST_SIGMA / 10:
        return None
    nothing = np.zeros(prepared.t_change.size), np.zeros(prepared.layout.features)
    return Parameters(k, m, *nothing, SIGMA_OF_CONSTANT), None


def folded(found: Parameters) -> Parameters:
    """Return the parameters with the delta of Prophet's stand-in changepoint at t = 0 moved into k."""
    k = found.k + float(found.delta[0])
    return Parameters(k, found.m, np.zeros(1), found.beta, found.sigma_obs)


def fitted_model(
    prepared: Prepared,
    parameters: Parameters,
    residuals: Vector | None = None,
    *,
    engine: Engine = "fleetcast",
    keep_history: bool = False,
) -> Model:
    """Return the model with these parameters; raises HistoryError where they exceed a model's limits."""
    if not are_within(prepared.settings.growth, parameters):
        raise HistoryError(
            f"the estimate has numbers beyond {LARGEST} or a growth rate of 0; "
            "check y, cap, floor and regressors"
        )
    return Model(
        engine=engine,
        settings=prepared.settings,
        scale=prepared.scale,
        layout=prepared.layout,
        standardizations=prepared.standardizations,
        parameters=parameters,
        t_change=prepared.t_change,
        rows=prepared.rows.ds.size,
        last_dates=prepared.rows.dates[-LAST_DATES:].copy(),
        history=prepared.rows if keep_history else None,
        residuals=residuals,
    )
