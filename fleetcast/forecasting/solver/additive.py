"""The estimate with additive features on a linear or flat trend, where yhat is linear in the parameters.

RSS is a quadratic in θ, so that `ridge_lasso` would minimise F exactly in one pass, if σ² were known and
rounding did not matter.  Each pass expands RSS around the result of the pass before, with its σ² and its
exact residuals; two passes are usual.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.solver.objective import (
    SMALLEST_VARIANCE,
    TREND_PRECISION,
    NoSolutionError,
    ParameterIndex,
    Prior,
    objective,
    parameter_index,
    tolerance,
    variance,
    violation,
)
from fleetcast.forecasting.solver.problem import Problem, Solution
from fleetcast.forecasting.solver.ridge_lasso import Expansion, minimiser
from fleetcast.forecasting.solver.start_prior import StartPrior, prophet_start, start_prior

_MOST_PASSES = 50
TARGET_VIOLATION = 1e-8
"""Violation of the optimality conditions, in units of the penalty 1 / τ, at which no further pass is made."""
_FIRST_VARIANCE = 1e-4
"""First guess of σ² as a share of the variance of y; low, as too strong a first ridge costs passes."""


@dataclass(frozen=True, slots=True)
class _Model:
    """y = rowsᵀ θ + noise with θ = (k, m, δ, β), or (m, β) if the trend is flat; P parameters, N rows."""

    rows: Matrix
    """Shape (P, N)."""
    y: Vector
    """Shape (N,), scaled."""
    index: ParameterIndex
    precision: Vector
    """1 / variance of the prior of each free parameter, shape (Q,)."""
    tau: float
    """Scale of the prior of δ."""
    start_prior: StartPrior | None = None
    """The prior of open directions, if there are any."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Parameters with everything a pass needs."""

    theta: Vector
    """Shape (P,)."""
    rss: float
    """Sum of the squared residuals."""
    b: Vector
    """rows @ residuals, shape (P,)."""
    s2: float
    """The σ² that minimises F for these residuals."""
    prior_gradient: Vector
    """Gradient of the priors of the free parameters, shape (Q,)."""


def solve_additive(problem: Problem, *, with_start_prior: bool = True) -> Solution:
    """Return the minimum of F.

    If directions are open, it is the minimum of F with the term of `start_prior`; `Solution.objective` is F
    without it.  Raises NoSolutionError or `LinAlgError` if the minimum is not reached.
    """
    model = _model(problem)
    G = model.rows @ model.rows.T
    point = _start(model)
    point, kkt = _minimum(model, G, point, s2=_FIRST_VARIANCE * point.s2)
    prior = _start_prior(model, problem, G, point) if with_start_prior else None
    if prior is not None:
        model = replace(model, start_prior=prior)
        point, kkt = _minimum(model, G, _at(model, point.theta), s2=point.s2)
    return _solution(model, point, kkt)


def _minimum(model: _Model, G: Matrix, point: _Point, *, s2: float) -> tuple[_Point, float]:
    """Return the minimum of F and the violation of its optimality conditions.

    `G` is rows rowsᵀ, shape (P, P); the first pass starts at `point` with the variance `s2`.
    """
    n, tau, curvature, kkt = model.y.size, model.tau, _prior_curvature(model), inf
    for _ in range(_MOST_PASSES):
        around = Expansion(point.theta, point.rss, point.b, G, n)
        prior = Prior(0.0, point.prior_gradient, curvature)
        point = _at(model, minimiser(around, prior, index=model.index, tau=tau, s2=s2))
        before, kkt, s2 = kkt, _violation(model, point), point.s2
        is_stalled = kkt > before / 2
        if kkt <= TARGET_VIOLATION or (is_stalled and kkt <= tolerance(np.diag(G), model.y, s2=s2, tau=tau)):
            return point, kkt
    raise NoSolutionError(f"the optimality conditions are still violated by {kkt:.1e} of the penalty")


def _start_prior(model: _Model, problem: Problem, G: Matrix, point: _Point) -> StartPrior | None:
    """Return the prior of the directions that are open at the minimum of F."""
    free = model.index.free
    return start_prior(
        G.take(free, axis=0).take(free, axis=1) if free.size < len(G) else G,
        model.precision,
        trend=model.index.trend,
        at=point.theta.take(free),
        start=lambda: prophet_start(problem),
        n=model.y.size,
        s2=point.s2,
    )


def _model(problem: Problem) -> _Model:
    """Return the problem in the parameters of the solver."""
    S, K = problem.t_change.size, problem.sigmas.size
    if problem.growth == "flat":
        rows = np.concatenate((problem.design[1:2], problem.design[2 + S :]))
        index = parameter_index(trend=1, S=0, K=K)
    else:
        rows, index = problem.design, parameter_index(trend=2, S=S, K=K)
    precision = np.concatenate((np.full(index.trend, TREND_PRECISION), problem.sigmas**-2))
    return _Model(rows, problem.y, index, precision, problem.tau)


def _start(model: _Model) -> _Point:
    """Return the mean of y as a point: from 0, rounding would matter if the level is far above the noise."""
    theta = np.zeros(len(model.rows))
    theta[model.index.trend - 1] = mean = model.y.mean()
    return _with_residual(model, theta, model.y - mean)


def _at(model: _Model, theta: Vector) -> _Point:
    """Return the point at the parameters `theta`; raises NoSolutionError."""
    return _with_residual(model, theta, model.y - theta @ model.rows)


def _with_residual(model: _Model, theta: Vector, residual: Vector) -> _Point:
    """Return the point with these residuals; raises NoSolutionError if they vanish."""
    rss = float(residual @ residual)
    s2 = variance(rss, model.y.size)
    if s2 < SMALLEST_VARIANCE:
        raise NoSolutionError("the features explain y completely: the noise has no variance")
    return _Point(theta, rss, model.rows @ residual, s2, _prior_gradient(model, theta))


def _prior_gradient(model: _Model, theta: Vector) -> Vector:
    """Return the gradient of all priors of the free parameters, shape (Q,)."""
    free = theta.take(model.index.free)
    own = model.precision * free
    return own if model.start_prior is None else own + model.start_prior.gradient(free)


def _prior_curvature(model: _Model) -> Matrix:
    """Return the curvature of all priors of the free parameters, shape (Q, Q)."""
    own = np.diag(model.precision)
    return own if model.start_prior is None else own + model.start_prior.precision


def _violation(model: _Model, point: _Point) -> float:
    """Return the violation of the optimality conditions, in units of the penalty 1 / τ."""
    gradient, hinges = point.b / point.s2, model.index.hinges
    free = gradient.take(model.index.free) - point.prior_gradient
    return violation(free, gradient[hinges], delta=point.theta[hinges], tau=model.tau)


def _solution(model: _Model, point: _Point, kkt: float) -> Solution:
    """Return the point in Prophet's parameters."""
    index, theta = model.index, point.theta
    k = float(theta[0]) if index.trend > 1 else 0.0
    m = float(theta[index.trend - 1])
    delta, beta = theta[index.hinges], theta[index.hinges.stop :]
    free = theta.take(index.free)
    prior = float((model.precision * free) @ free) / 2
    value = objective(point.rss, model.y.size, prior=prior, delta=delta, tau=model.tau)
    return Solution(Parameters(k, m, delta, beta, sqrt(point.s2)), value, kkt)
