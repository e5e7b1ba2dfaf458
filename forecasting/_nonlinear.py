"""Multiplicative features or logistic growth: Newton's method with the absolute value kept in every step.

Each step minimises F with the curve replaced by its tangent at the point (Gauss-Newton), or with RSS
replaced by its exact second-order expansion once that is safe; both are quadratics with a ridge and a lasso
part.  A step that does not lower F is shortened, then damped as by Levenberg.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from forecasting._curve import Curve, Values, bending, curve_of, evaluate, jacobian
from forecasting._logistic import trend_prior, trend_starts
from forecasting._objective import (
    TREND_PRECISION,
    NoSolutionError,
    Places,
    Prior,
    objective,
    places,
    tolerance,
    variance,
    violation,
)
from forecasting._problem import Flags, Matrix, Parameters, Problem, Solution, Vector
from forecasting._ridge_lasso import Expansion, minimiser
from forecasting._start_prior import StartPrior, prophet_start, start_prior

_ITERATIONS = 100
_AIM = 1e-8
"""Violation of the optimality conditions, in units of the penalty, at which no further step is made."""
_LENGTHS = (1.0, 0.4, 0.16, 0.06)
_DAMPINGS = (0.0, *(10.0**power for power in range(-6, 7)))
_GENTLE = 2
"""Damping level up to which the exact second derivatives are used."""
_RENEWALS = 2
_NEAR = 1e-3
"""Relative decrease of F in a step below which the exact second derivatives are used."""


@dataclass(frozen=True, slots=True)
class _Model:
    """θ is (k, m, δ, βₘ, βₐ), without k and δ where the trend is flat, and c for m in logistic growth."""

    curve: Curve
    y: Vector
    places: Places
    precision: Vector
    """1 / variance of the prior of each free parameter; 0 for k and c."""
    logistic: bool
    tau: float
    rows: Matrix
    """Derivatives of the curve, shape (P, N): written anew at every point, but for those of βₐ."""
    start_prior: StartPrior | None = None


@dataclass(frozen=True, slots=True)
class _Point:
    theta: Vector
    values: Values
    residual: Vector
    rss: float
    s2: float
    F: float


@dataclass(frozen=True, slots=True)
class _End:
    point: _Point
    around: Expansion
    """Of RSS around the point, without second derivatives."""
    kkt: float
    converged: bool


@dataclass(frozen=True, slots=True)
class _Manner:
    """How to make a step: with exact second derivatives or without, and how much damped."""

    exact: bool = False
    level: int = 0
    """Index into `_DAMPINGS`."""


def solve_nonlinear(problem: Problem, *, with_start_prior: bool = True) -> Solution:
    """Return the lowest minimum of F found; raise `NoSolutionError` where the lowest point found is none.

    Where the data leave directions open, it is the minimum with the term of `_start_prior`, but the
    objective reported is still F.  As the valleys of F are curved, the term is chosen at the first start,
    so that no valley is walked along, and again at each of the first minima found.
    """
    model, starts = _model(problem), _starts(problem)
    first, around = _at(model, starts[0]), None
    if with_start_prior:
        around = _expansion(model, first)
        model = _with_start_prior(model, problem, first, around)
        first = _at(model, starts[0]) if model.start_prior else first
    ends = [_descend(model, first, around), *(_descend(model, _at(model, start)) for start in starts[1:])]
    lowest = min(ends, key=lambda end: end.point.F)
    for _ in range(_RENEWALS if with_start_prior else 0):
        renewed = _with_start_prior(model, problem, lowest.point, lowest.around)
        if renewed.start_prior is None and model.start_prior is None:
            break
        model = renewed
        lowest = _descend(model, _at(model, lowest.point.theta), lowest.around)
    if not lowest.converged:
        raise NoSolutionError(f"The optimality conditions are violated by {lowest.kkt:.1e} of the penalty.")
    return _solution(model, problem, lowest)


def _with_start_prior(model: _Model, problem: Problem, point: _Point, around: Expansion) -> _Model:
    """Return the model with the prior that this point needs, if it needs one."""
    free = model.places.free
    prior = start_prior(
        around.G.take(free, axis=0).take(free, axis=1),
        model.precision,
        trend=model.places.trend,
        at=point.theta.take(free),
        start=_ordered(prophet_start(problem), problem),
        n=model.y.size,
        s2=point.s2,
    )
    return replace(model, start_prior=prior)


def _model(problem: Problem) -> _Model:
    curve = curve_of(problem)
    K, trend = problem.sigmas.size, 1 if problem.growth == "flat" else 2
    where = places(trend=trend, S=len(curve.trend) - trend, K=K)
    logistic = problem.growth == "logistic"
    precision = np.concatenate((np.full(trend, 0 if logistic else TREND_PRECISION), problem.sigmas**-2))
    precision = _ordered(precision, problem)
    rows = np.empty((len(precision) + len(curve.trend) - trend, problem.y.size))
    rows[len(rows) - len(curve.additive) :] = curve.additive
    return _Model(curve, problem.y, where, precision, logistic, problem.tau, rows)


def _starts(problem: Problem) -> list[Vector]:
    flat = problem.growth == "flat"
    theta = np.zeros(len(problem.design) if not flat else 1 + problem.sigmas.size)
    if problem.cap is None:
        theta[0 if flat else 1] = problem.y.mean()
        return [theta]
    pairs = trend_starts(problem.design[0], problem.y, problem.cap)
    return [np.concatenate((pair, theta[2:])) for pair in pairs]


def _ordered(free: Vector, problem: Problem) -> Vector:
    """Return free parameters in Prophet's order with the multiplicative features before the additive."""
    trend, multiplicative = free.size - problem.sigmas.size, problem.multiplicative
    beta = free[trend:]
    return np.concatenate((free[:trend], beta[multiplicative], beta[~multiplicative]))


def _descend(model: _Model, point: _Point, around: Expansion | None = None) -> _End:
    """Go down from a point until F has a minimum, or no step is found."""
    manner, kkt = _Manner(), inf
    around = around or _expansion(model, point)
    for _ in range(_ITERATIONS):
        before, kkt = kkt, _violation(model, point, around.b)
        limit = (
            _AIM if kkt < before / 2 else tolerance(np.diag(around.G), model.y, s2=point.s2, tau=model.tau)
        )
        if kkt <= limit:
            return _End(point, around, kkt, converged=True)
        lower = _lower(model, point, around, manner)
        if lower is None:
            break
        point, manner = lower
        around = _expansion(model, point)
    return _End(point, around, kkt, converged=False)


def _expansion(model: _Model, point: _Point) -> Expansion:
    """Return RSS around the point with the curve replaced by its tangent."""
    rows = model.rows
    jacobian(model.curve, point.values, out=rows)
    return Expansion(point.theta, point.rss, rows @ point.residual, rows @ rows.T, model.y.size)


def _lower(model: _Model, point: _Point, around: Expansion, manner: _Manner) -> tuple[_Point, _Manner] | None:
    """Return a point where F is lower and the manner to go on in, if there is one."""
    damped = [_Manner(level=level) for level in range(manner.level, len(_DAMPINGS))]
    for attempt in [manner, *damped] if manner.exact else damped:
        try:
            target = _target(model, point, around, attempt)
        except np.linalg.LinAlgError:
            continue
        for length in _LENGTHS:
            trial = _at(model, target if length == 1 else point.theta + length * (target - point.theta))
            if _is_lower(model, point, around, trial):
                return trial, _next(attempt, length, (point.F - trial.F) / max(1, abs(point.F)))
    return None


def _target(model: _Model, point: _Point, around: Expansion, manner: _Manner) -> Vector:
    """Return the minimum of the quadratic model of F; raise `LinAlgError` if none is found."""
    prior = _prior(model, point.theta, exact=manner.exact)
    G = around.G
    if manner.exact:
        G = G - _bending_of_nonzero(model, point)
        _require_minimum(model, point, G, prior)
    elif manner.level:
        G = G + np.diag(_DAMPINGS[manner.level] * np.maximum(np.diag(G), 1e-6 * model.y.size))
    return minimiser(replace(around, G=G), prior, places=model.places, tau=model.tau, s2=point.s2)


def _nonzero(model: _Model, point: _Point) -> Flags:
    """Return which parameters the optimum of F is smooth in: all but the δ that are zero."""
    nonzero = np.ones(point.theta.size, np.bool_)
    nonzero[model.places.hinges] = point.theta[model.places.hinges] != 0
    return nonzero


def _bending_of_nonzero(model: _Model, point: _Point) -> Matrix:
    """Leave out the δ that are zero: their kink holds them, and their curvature need not be positive."""
    zero = ~_nonzero(model, point)
    bend = bending(model.curve, point.values, point.residual)
    bend[zero] = 0
    bend[:, zero] = 0
    return bend


def _require_minimum(model: _Model, point: _Point, G: Matrix, prior: Prior) -> None:
    """Raise `LinAlgError` unless the quadratic model curves upwards."""
    H = G.copy()
    H[np.ix_(model.places.free, model.places.free)] += point.s2 * prior.curvature
    nonzero = _nonzero(model, point)
    np.linalg.cholesky(H[np.ix_(nonzero, nonzero)])


def _is_lower(model: _Model, point: _Point, around: Expansion, trial: _Point) -> bool:
    """Say whether F falls by a part of what its slope along the step promises."""
    where = model.places
    step = trial.theta - point.theta
    penalties = [float(np.abs(p.theta[where.hinges]).sum()) / model.tau for p in (point, trial)]
    prior = _prior(model, point.theta, exact=False)
    smooth = float(prior.gradient @ step[where.free] - around.b @ step / point.s2)
    promised = min(smooth + penalties[1] - penalties[0], 0.0)
    allowed = point.F + 1e-4 * promised + 1e-14 * abs(point.F)
    return bool(allowed >= trial.F)


def _next(manner: _Manner, length: float, decrease: float) -> _Manner:
    if length == 1:
        level = max(manner.level - 1, 0)
        return _Manner(exact=decrease < _NEAR and level <= _GENTLE, level=level)
    return _Manner(level=min(manner.level + (length < _LENGTHS[1]), len(_DAMPINGS) - 1))


def _at(model: _Model, theta: Vector) -> _Point:
    values = evaluate(model.curve, theta)
    residual = model.y - values.yhat
    rss = float(residual @ residual)
    prior = _prior(model, theta, exact=False).value
    F = objective(rss, model.y.size, prior=prior, delta=theta[model.places.hinges], tau=model.tau)
    return _Point(theta, values, residual, rss, variance(rss, model.y.size), F)


def _prior(model: _Model, theta: Vector, *, exact: bool) -> Prior:
    """Return what the priors of the free parameters add to F, with that of `_start_prior`."""
    own, extra = _own_prior(model, theta, exact=exact), model.start_prior
    if extra is None:
        return own
    free = theta.take(model.places.free)
    pull = extra.gradient(free)
    value = own.value + float(pull @ (free - extra.start)) / 2
    return Prior(value, own.gradient + pull, own.curvature + extra.precision)


def _own_prior(model: _Model, theta: Vector, *, exact: bool) -> Prior:
    free = theta.take(model.places.free)
    gradient = model.precision * free
    prior = Prior(float(gradient @ free) / 2, gradient, np.diag(model.precision))
    if not model.logistic:
        return prior
    trend = trend_prior(free[0], free[1], exact=exact)
    gradient[:2] = trend.gradient
    curvature = np.diag(model.precision)
    curvature[:2, :2] = trend.curvature
    return Prior(prior.value + trend.value, gradient, curvature)


def _violation(model: _Model, point: _Point, b: Vector) -> float:
    """Return the violation with respect to Prophet's own parameters."""
    gradient = b / point.s2
    gradient[model.places.free] -= _prior(model, point.theta, exact=False).gradient
    if model.logistic:
        k, c = point.theta[:2]
        gradient[:2] = gradient[0] + gradient[1] * c / k, -k * gradient[1]
    hinges = model.places.hinges
    free = gradient[model.places.free]
    return violation(free, gradient[hinges], delta=point.theta[hinges], tau=model.tau)


def _solution(model: _Model, problem: Problem, end: _End) -> Solution:
    where, point = model.places, end.point
    theta = point.theta
    k = float(theta[0]) if where.trend > 1 else 0.0
    m = float(theta[where.trend - 1])
    if model.logistic:
        m = -m / k
    scaling = len(model.curve.multiplicative)
    ours = theta[where.hinges.stop :]
    beta = np.empty_like(ours)
    beta[problem.multiplicative], beta[~problem.multiplicative] = ours[:scaling], ours[scaling:]
    delta, prior = theta[where.hinges], _own_prior(model, theta, exact=False).value
    value = objective(point.rss, model.y.size, prior=prior, delta=delta, tau=model.tau)
    return Solution(Parameters(k, m, delta, beta, sqrt(point.s2)), value, end.kkt)
