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
"""Number of readings below which stock Prophet makes the estimate."""
LEAST_SIGMA = 1e-8
"""Scaled noise below which the objective has no minimum, so that stock Prophet makes the estimate."""
SIGMA_OF_CONSTANT = 1e-9
"""Prophet's scaled noise for readings that are all equal."""
RATE_AT_FLOOR, MIDDLE_AT_FLOOR = 1.0, 700.0
"""k and m of logistic growth that reaches half its cap after 700 times the history; exp(700) is finite."""


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
    return _by_own_solver(prepared, options) or _by_stock_prophet(prepared, options)


def fit_by_solver(  # noqa: PLR0913 - as `fit`
    ds: ArrayLike,
    y: ArrayLike,
    options: FitOptions = DEFAULT_FIT,
    *,
    cap: ArrayLike | None = None,
    floor: ArrayLike | None = None,
    regressors: Mapping[str, ArrayLike] | None = None,
    conditions: Mapping[str, ArrayLike] | None = None,
) -> Model | None:
    """Return what `fit` does, or None where stock Prophet would have to fit, which may take seconds.

    Raises HistoryError and SettingError as `fit` does.
    """
    return _by_own_solver(prepare(ds, y, RowColumns(cap, floor, regressors, conditions), options), options)


def _by_own_solver(prepared: Prepared, options: FitOptions) -> Model | None:
    """Return the model without stock Prophet, or None if only stock Prophet can fit it."""
    by_stock = prepared.settings.mcmc_samples or options.stan_arguments
    estimate = None if by_stock else _estimate(prepared)
    return None if estimate is None else fitted_model(prepared, *estimate, keep_history=options.keep_history)


def _by_stock_prophet(prepared: Prepared, options: FitOptions) -> Model | SampledModel:
    """Return the model that stock Prophet fits."""
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
    """Return the estimate and its residuals (see `_residuals`), or None if stock Prophet has to make it."""
    settings, y = prepared.settings, prepared.rows.y
    if settings.growth != "logistic" and y[0] == y[-1] and y.min() == y.max():
        return _constant(prepared), None
    if (
        settings.growth == "logistic"
        and (y == floor_column(prepared.scale, settings, prepared.rows.floor)).all()
    ):
        return _at_floor(prepared), None
    if y.size < LEAST_ROWS:
        return _line(prepared)
    try:
        problem = estimation_problem(prepared)
        parameters = maximum_a_posteriori(problem).parameters
    except (NoSolutionError, ArithmeticError):
        return _line(prepared)
    if parameters.sigma_obs < LEAST_SIGMA:
        return _line(prepared)
    residuals = _residuals(problem, parameters, y_scale=prepared.scale.y_scale)
    return (folded(parameters) if without_changepoints(settings) else parameters), residuals


def _residuals(problem: Problem, parameters: Parameters, *, y_scale: float) -> Vector | None:
    """Return y - yhat in units of y, shape (N,); None if yhat is not linear in the parameters."""
    if problem.growth == "logistic" or problem.multiplicative.any():
        return None
    theta = np.concatenate(((parameters.k, parameters.m), parameters.delta, parameters.beta))
    if problem.growth == "flat":
        theta[0] = theta[2 : 2 + parameters.delta.size] = 0.0
    return (problem.y - theta @ problem.design) * y_scale


def _constant(prepared: Prepared) -> Parameters:
    """Return the parameters for readings that are all equal: Prophet's initial ones."""
    floor = floor_column(prepared.scale, prepared.settings, None)
    return Parameters(
        k=0.0,
        m=float((prepared.rows.y[0] - floor) / prepared.scale.y_scale),
        delta=np.zeros(prepared.t_change.size),
        beta=np.zeros(prepared.layout.features),
        sigma_obs=SIGMA_OF_CONSTANT,
    )


def _at_floor(prepared: Prepared) -> Parameters:
    """Return the parameters for logistic growth whose readings all equal the floor.

    The trend stays below 1e-290 of the cap far beyond any forecast.  Prophet's estimate is as small, but
    takes Stan a second.
    """
    zeros = np.zeros(prepared.t_change.size), np.zeros(prepared.layout.features)
    return Parameters(RATE_AT_FLOOR, MIDDLE_AT_FLOOR, *zeros, SIGMA_OF_CONSTANT)


def _line(prepared: Prepared) -> tuple[Parameters, None] | None:
    """Return the parameters of the line on which all readings lie; None if they do not lie on a line.

    It is Prophet's start.  The objective has no minimum, as less noise is always more likely, and Stan would
    search for it for minutes.
    """
    if prepared.settings.growth != "linear":
        return None
    rows, scale = prepared.rows, prepared.scale
    t = scale.t(rows.ds)
    y = (rows.y - floor_column(scale, prepared.settings, rows.floor)) / scale.y_scale
    k, m = float(y[-1] - y[0]), float(y[0])
    if np.abs(y - (m + k * t)).max() > LEAST_SIGMA / 10:
        return None
    zeros = np.zeros(prepared.t_change.size), np.zeros(prepared.layout.features)
    return Parameters(k, m, *zeros, SIGMA_OF_CONSTANT), None


def folded(parameters: Parameters) -> Parameters:
    """Return the parameters with delta of the only changepoint, at t = 0, added to k instead.

    Prophet puts that changepoint into models without changepoints.
    """
    k = parameters.k + float(parameters.delta[0])
    return Parameters(k, parameters.m, np.zeros(1), parameters.beta, parameters.sigma_obs)


def fitted_model(
    prepared: Prepared,
    parameters: Parameters,
    residuals: Vector | None = None,
    *,
    engine: Engine = "fleetcast",
    keep_history: bool = False,
) -> Model:
    """Return the model with these parameters; raises HistoryError if they exceed a model's limits."""
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
