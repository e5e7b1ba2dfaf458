"""One descent on F where the curve is not linear in its parameters.

Newton's method with the absolute value kept in every step.  Each step minimises F with the curve replaced by
its tangent at the point (Gauss-Newton), or with RSS replaced by its exact second-order expansion once that is
safe; both are quadratics with a ridge and a lasso part.  A step that does not lower F is shortened, then
damped as by Levenberg.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.solver.logistic import trend_prior
from fleetcast.forecasting.solver.model_curve import Curve, Values, bending, curve_of, evaluate, jacobian
from fleetcast.forecasting.solver.objective import (
    TREND_PRECISION,
    Places,
    Prior,
    objective,
    places,
    tolerance,
    variance,
    violation,
)
from fleetcast.forecasting.solver.problem import Problem
from fleetcast.forecasting.solver.ridge_lasso import Expansion, minimiser
from fleetcast.forecasting.solver.start_prior import StartPrior

_ITERATIONS = 100
_AIM = 1e-8
"""Violation of the optimality conditions, in units of the penalty, at which no further step is made."""
_LENGTHS = (1.0, 0.4, 0.16, 0.06)
_DAMPINGS = (0.0, *(10.0**power for power in range(-6, 7)))
_GENTLE = 2
"""Damping level up to which the exact second derivatives are used."""
_NEAR = 1e-3
"""Relative decrease of F in a step below which the exact second derivatives are used."""


@dataclass(frozen=True, slots=True)
class CurveModel:
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
class Point:
    """A point of the descent: parameters, curve, residuals and F there."""

    theta: Vector
    values: Values
    residual: Vector
    rss: float
    s2: float
    F: float


@dataclass(frozen=True, slots=True)
class End:
    """Where a descent ended."""

    point: Point
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


def curve_model(problem: Problem) -> CurveModel:
    """Return the problem with its curve, priors and the room for its derivatives."""
    curve = curve_of(problem)
    K, trend = problem.sigmas.size, 1 if problem.growth == "flat" else 2
    where = places(trend=trend, S=len(curve.trend) - trend, K=K)
    logistic = problem.growth == "logistic"
    sigmas = np.concatenate((problem.sigmas[problem.multiplicative], problem.sigmas[~problem.multiplicative]))
    precision = np.concatenate((np.full(trend, 0 if logistic else TREND_PRECISION), sigmas**-2))
    rows = np.empty((len(precision) + len(curve.trend) - trend, problem.y.size))
    rows[len(rows) - len(curve.additive) :] = curve.additive
    return CurveModel(curve, problem.y, where, precision, logistic, problem.tau, rows)


def descend(model: CurveModel, point: Point, around: Expansion | None = None) -> End:
    """Go down from a point until F has a minimum, or no step is found."""
    manner, kkt = _Manner(), inf
    around = around or expansion(model, point)
    for _ in range(_ITERATIONS):
        before, kkt = kkt, _violation(model, point, around.b)
        if kkt <= (_AIM if kkt < before / 2 else _limit(model, point, around)):
            return End(point, around, kkt, converged=True)
        lower = _lower(model, point, around, manner)
        if lower is None:
            break
        point, manner = lower
        around = expansion(model, point)
    return _polished(model, End(point, around, kkt, converged=False))


def _polished(model: CurveModel, end: End) -> End:
    """Go on from where no lower point is found: next to the minimum, rounding hides what F falls by.

    There a step is good if it fulfils the optimality conditions better and F rises by its rounding at most.
    """
    for _ in range(_ITERATIONS):
        if end.kkt <= _limit(model, end.point, end.around):
            return replace(end, converged=True)
        nearer = _nearer(model, end)
        if nearer is None:
            break
        end = nearer
    return end


def _nearer(model: CurveModel, end: End) -> End | None:
    point, n = end.point, model.y.size
    rounding = float(np.finfo(np.float64).eps) * float(np.abs(model.y).max())
    slack = 8 * rounding * sqrt(n * point.rss) / point.s2 + 1e-13 * abs(point.F)
    for manner in (_Manner(exact=True), *(_Manner(level=level) for level in range(len(_DAMPINGS)))):
        try:
            trial = point_at(model, _target(model, point, end.around, manner))
        except np.linalg.LinAlgError:
            continue
        if not point.F + slack >= trial.F:
            continue
        around = expansion(model, trial)
        kkt = _violation(model, trial, around.b)
        if kkt < end.kkt:
            return End(trial, around, kkt, converged=False)
    return None


def _limit(model: CurveModel, point: Point, around: Expansion) -> float:
    return tolerance(np.diag(around.G), model.y, s2=point.s2, tau=model.tau)


def expansion(model: CurveModel, point: Point) -> Expansion:
    """Return RSS around the point with the curve replaced by its tangent."""
    rows = model.rows
    jacobian(model.curve, point.values, out=rows)
    return Expansion(point.theta, point.rss, rows @ point.residual, rows @ rows.T, model.y.size)


def _lower(
    model: CurveModel, point: Point, around: Expansion, manner: _Manner
) -> tuple[Point, _Manner] | None:
    """Return a point where F is lower and the manner to go on in, if there is one."""
    damped = [_Manner(level=level) for level in range(manner.level, len(_DAMPINGS))]
    for attempt in [manner, *damped] if manner.exact else damped:
        try:
            target = _target(model, point, around, attempt)
        except np.linalg.LinAlgError:
            continue
        for length in _LENGTHS:
            trial = point_at(model, target if length == 1 else point.theta + length * (target - point.theta))
            if _is_lower(model, point, around, trial):
                return trial, _next(attempt, length, (point.F - trial.F) / max(1, abs(point.F)))
    return None


def _target(model: CurveModel, point: Point, around: Expansion, manner: _Manner) -> Vector:
    """Return the minimum of the quadratic model of F; raise `LinAlgError` if none is found."""
    prior = _prior(model, point.theta, exact=manner.exact)
    G = around.G
    if manner.exact:
        G = G - _bending_of_nonzero(model, point)
        _require_minimum(model, point, G, prior)
    elif manner.level:
        G = G + np.diag(_DAMPINGS[manner.level] * np.maximum(np.diag(G), 1e-6 * model.y.size))
    return minimiser(replace(around, G=G), prior, places=model.places, tau=model.tau, s2=point.s2)


def _nonzero(model: CurveModel, point: Point) -> Flags:
    """Return which parameters the optimum of F is smooth in: all but the δ that are zero."""
    nonzero = np.ones(point.theta.size, np.bool_)
    nonzero[model.places.hinges] = point.theta[model.places.hinges] != 0
    return nonzero


def _bending_of_nonzero(model: CurveModel, point: Point) -> Matrix:
    """Leave out the δ that are zero: their kink holds them, and their curvature need not be positive."""
    zero = ~_nonzero(model, point)
    bend = bending(model.curve, point.values, point.residual)
    bend[zero] = 0
    bend[:, zero] = 0
    return bend


def _require_minimum(model: CurveModel, point: Point, G: Matrix, prior: Prior) -> None:
    """Raise `LinAlgError` unless the quadratic model curves upwards."""
    H = G.copy()
    H[np.ix_(model.places.free, model.places.free)] += point.s2 * prior.curvature
    nonzero = _nonzero(model, point)
    np.linalg.cholesky(H[np.ix_(nonzero, nonzero)])


def _is_lower(model: CurveModel, point: Point, around: Expansion, trial: Point) -> bool:
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


def point_at(model: CurveModel, theta: Vector) -> Point:
    """Return the curve, its residuals and F at the parameters `theta`."""
    values = evaluate(model.curve, theta)
    residual = model.y - values.yhat
    rss = float(residual @ residual)
    prior = _prior(model, theta, exact=False).value
    F = objective(rss, model.y.size, prior=prior, delta=theta[model.places.hinges], tau=model.tau)
    return Point(theta, values, residual, rss, variance(rss, model.y.size), F)


def _prior(model: CurveModel, theta: Vector, *, exact: bool) -> Prior:
    """Return what the priors of the free parameters add to F, with that of `_start_prior`."""
    own, extra = own_prior(model, theta, exact=exact), model.start_prior
    if extra is None:
        return own
    free = theta.take(model.places.free)
    pull = extra.gradient(free)
    value = own.value + float(pull @ (free - extra.start)) / 2
    return Prior(value, own.gradient + pull, own.curvature + extra.precision)


def own_prior(model: CurveModel, theta: Vector, *, exact: bool) -> Prior:
    """Return what Prophet's own priors of the free parameters add to F."""
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


def _violation(model: CurveModel, point: Point, b: Vector) -> float:
    """Return the violation with respect to Prophet's own parameters."""
    gradient = b / point.s2
    gradient[model.places.free] -= _prior(model, point.theta, exact=False).gradient
    if model.logistic:
        k, c = point.theta[:2]
        gradient[:2] = gradient[0] + gradient[1] * c / k, -k * gradient[1]
    hinges = model.places.hinges
    free = gradient[model.places.free]
    return violation(free, gradient[hinges], delta=point.theta[hinges], tau=model.tau)
