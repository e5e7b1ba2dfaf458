"""One descent on F where the curve is not linear in its parameters: Newton's method with an absolute value.

Each step replaces RSS by a quadratic around the current θ and minimises the sum of that quadratic, the
quadratic priors and |δ|₁ / τ exactly (`ridge_lasso`), so that the kinks of |δ| need no smoothing:

    RSS(θ + d) ≈ RSS - 2 bᵀd + dᵀG d,   b = J r,   G = J Jᵀ                     Gauss-Newton
                                                   G = J Jᵀ - Σᵢ rᵢ ∇²yhatᵢ     exact

where r are the residuals and J, shape (P, N), the derivatives of yhat.  A step that does not lower F by a
part of what its slope promises (Armijo's rule) is shortened; if no length helps, G gets a larger diagonal
(Levenberg's and Marquardt's damping).  The exact second derivatives are used near the minimum, where they
make the steps converge quadratically.

References: J. Nocedal and S. J. Wright, Numerical Optimization, 2nd edition, 2006, sections 3.1 (line
search) and 10.3 (Gauss-Newton, Levenberg-Marquardt); K. Levenberg, Quarterly of Applied Mathematics 2, 1944;
D. W. Marquardt, SIAM Journal 11, 1963; J. D. Lee, Y. Sun and M. A. Saunders, Proximal Newton-type methods,
SIAM Journal on Optimization 24, 2014.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.solver.logistic import trend_prior
from fleetcast.forecasting.solver.model_curve import (
    Curve,
    Values,
    curve_of,
    evaluate,
    jacobian,
    second_derivatives,
)
from fleetcast.forecasting.solver.objective import (
    TREND_PRECISION,
    ParameterIndex,
    Prior,
    objective,
    parameter_index,
    tolerance,
    variance,
    violation,
)
from fleetcast.forecasting.solver.problem import Problem
from fleetcast.forecasting.solver.ridge_lasso import Expansion, minimiser
from fleetcast.forecasting.solver.start_prior import StartPrior

_MOST_STEPS = 100
"""Of a descent, and of its final polish; ten are usual."""
TARGET_VIOLATION = 1e-8
"""Violation of the optimality conditions, in units of the penalty 1 / τ, at which the descent ends."""
_STEP_LENGTHS = (1.0, 0.4, 0.16, 0.06)
"""Parts of a step that are tried, in this order, before the damping is raised."""
_DAMPINGS = (0.0, *(10.0**power for power in range(-6, 7)))
"""Factors by which the diagonal of G is raised, by damping level."""
MAX_DAMPING_FOR_EXACT = 2
"""Damping level up to which the next step uses the exact second derivatives."""
EXACT_BELOW_DECREASE = 1e-3
"""Relative decrease of F in one step below which the next step uses the exact second derivatives."""
_SUFFICIENT_DECREASE = 1e-4
"""Part of the decrease that the slope promises which a step must reach (Armijo's constant)."""


@dataclass(frozen=True, slots=True)
class CurveModel:
    """The problem in the solver's parameters θ = (k, m, δ, βₘ, βₐ), P long; all numbers are scaled.

    βₘ are the effects of the features that multiply the trend, βₐ of those that are added.  A flat trend has
    neither k nor δ.  Logistic growth has c = -k m instead of m (see `logistic`).
    """

    curve: Curve
    y: Vector
    """Shape (N,)."""
    index: ParameterIndex
    precision: Vector
    """1 / variance of the normal prior of each free parameter, shape (Q,); 0 for k and c of logistic growth,
    whose prior is not quadratic (`trend_prior`)."""
    logistic: bool
    tau: float
    """Scale of the prior of δ."""
    rows: Matrix
    """The derivatives J, shape (P, N): a buffer that is rewritten at every point, but for the rows of βₐ."""
    start_prior: StartPrior | None = None
    """The prior of open directions, if there are any."""


@dataclass(frozen=True, slots=True)
class Point:
    """Parameters with everything the descent computes from them."""

    theta: Vector
    """Shape (P,)."""
    values: Values
    residual: Vector
    """y - yhat, shape (N,)."""
    rss: float
    """Sum of the squared residuals."""
    s2: float
    """The σ² that minimises F for these residuals."""
    F: float
    """The objective, with the prior of open directions."""


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a descent ended."""

    point: Point
    around: Expansion
    """The Gauss-Newton expansion of RSS around the point."""
    kkt: float
    """Violation of the optimality conditions there, in units of the penalty 1 / τ."""
    converged: bool
    """Whether that violation is as small as rounding allows."""


@dataclass(frozen=True, slots=True)
class StepRule:
    """How the next step is computed."""

    exact: bool = False
    """Whether G has the exact second derivatives."""
    level: int = 0
    """Damping level: an index into `_DAMPINGS`."""


def curve_model(problem: Problem) -> CurveModel:
    """Return the problem in the parameters of the solver."""
    curve = curve_of(problem)
    K, trend = problem.sigmas.size, 1 if problem.growth == "flat" else 2
    index = parameter_index(trend=trend, S=len(curve.trend) - trend, K=K)
    logistic = problem.growth == "logistic"
    sigmas = np.concatenate((problem.sigmas[problem.multiplicative], problem.sigmas[~problem.multiplicative]))
    precision = np.concatenate((np.full(trend, 0 if logistic else TREND_PRECISION), sigmas**-2))
    rows = np.empty((len(precision) + len(curve.trend) - trend, problem.y.size))
    rows[len(rows) - len(curve.additive) :] = curve.additive
    return CurveModel(curve, problem.y, index, precision, logistic, problem.tau, rows)


def descend(model: CurveModel, point: Point, around: Expansion | None = None) -> Descent:
    """Minimise F from a point on, until the optimality conditions hold or no step lowers F.

    `around` is the expansion around `point`, if the caller has it.
    """
    rule, kkt = StepRule(), inf
    around = around or expansion(model, point)
    for _ in range(_MOST_STEPS):
        before, kkt = kkt, _violation(model, point, around.b)
        if kkt <= (TARGET_VIOLATION if kkt < before / 2 else _rounding_limit(model, point, around)):
            return Descent(point, around, kkt, converged=True)
        lower = _lower(model, point, around, rule)
        if lower is None:
            break
        point, rule = lower
        around = expansion(model, point)
    return _polished(model, Descent(point, around, kkt, converged=False))


def _polished(model: CurveModel, end: Descent) -> Descent:
    """Continue where no step lowers F: next to the minimum, rounding of F hides its decrease.

    There a step is accepted if it reduces the violation and raises F by no more than its rounding.
    """
    for _ in range(_MOST_STEPS):
        if end.kkt <= _rounding_limit(model, end.point, end.around):
            return replace(end, converged=True)
        nearer = _nearer(model, end)
        if nearer is None:
            break
        end = nearer
    return end


def _nearer(model: CurveModel, end: Descent) -> Descent | None:
    """Return the next point by the rule of `_polished`, or None if there is none."""
    point, n = end.point, model.y.size
    rounding = float(np.finfo(np.float64).eps) * float(np.abs(model.y).max())
    slack = 8 * rounding * sqrt(n * point.rss) / point.s2 + 1e-13 * abs(point.F)
    for rule in (StepRule(exact=True), *(StepRule(level=level) for level in range(len(_DAMPINGS)))):
        try:
            trial = point_at(model, _target(model, point, end.around, rule))
        except np.linalg.LinAlgError:
            continue
        if not point.F + slack >= trial.F:
            continue
        around = expansion(model, trial)
        kkt = _violation(model, trial, around.b)
        if kkt < end.kkt:
            return Descent(trial, around, kkt, converged=False)
    return None


def _rounding_limit(model: CurveModel, point: Point, around: Expansion) -> float:
    """Return the violation that rounding of y alone can cause."""
    return tolerance(np.diag(around.G), model.y, s2=point.s2, tau=model.tau)


def expansion(model: CurveModel, point: Point) -> Expansion:
    """Return the Gauss-Newton expansion of RSS around a point; overwrites `model.rows`."""
    rows = model.rows
    jacobian(model.curve, point.values, out=rows)
    return Expansion(point.theta, point.rss, rows @ point.residual, rows @ rows.T, model.y.size)


def _lower(
    model: CurveModel, point: Point, around: Expansion, rule: StepRule
) -> tuple[Point, StepRule] | None:
    """Return a point where F is lower and the rule of the step after it; None if no step lowers F."""
    damped = [StepRule(level=level) for level in range(rule.level, len(_DAMPINGS))]
    for attempt in [rule, *damped] if rule.exact else damped:
        try:
            target = _target(model, point, around, attempt)
        except np.linalg.LinAlgError:
            continue
        for length in _STEP_LENGTHS:
            trial = point_at(model, target if length == 1 else point.theta + length * (target - point.theta))
            if _is_lower(model, point, around, trial):
                return trial, _next(attempt, length, (point.F - trial.F) / max(1, abs(point.F)))
    return None


def _target(model: CurveModel, point: Point, around: Expansion, rule: StepRule) -> Vector:
    """Return the θ that minimises the quadratic model of F; raises `LinAlgError` if it has no minimum."""
    prior = _prior(model, point.theta, exact=rule.exact)
    G = around.G
    if rule.exact:
        G = G - _second_derivatives(model, point)
        _require_minimum(model, point, G, prior)
    elif rule.level:
        G = G + np.diag(_DAMPINGS[rule.level] * np.maximum(np.diag(G), 1e-6 * model.y.size))
    return minimiser(replace(around, G=G), prior, index=model.index, tau=model.tau, s2=point.s2)


def _nonzero(model: CurveModel, point: Point) -> Flags:
    """Return the parameters at which F is differentiable: all but the δ that are zero."""
    nonzero = np.ones(point.theta.size, np.bool_)
    nonzero[model.index.hinges] = point.theta[model.index.hinges] != 0
    return nonzero


def _second_derivatives(model: CurveModel, point: Point) -> Matrix:
    """Return Σᵢ rᵢ ∇²yhatᵢ, with zeros for the δ that are zero.

    The kink of |δ| holds those at zero, and their curvature need not be positive.
    """
    zero = ~_nonzero(model, point)
    H = second_derivatives(model.curve, point.values, point.residual)
    H[zero] = 0
    H[:, zero] = 0
    return H


def _require_minimum(model: CurveModel, point: Point, G: Matrix, prior: Prior) -> None:
    """Raise `LinAlgError` unless the quadratic model is convex in the differentiable parameters."""
    H = G.copy()
    H[np.ix_(model.index.free, model.index.free)] += point.s2 * prior.curvature
    nonzero = _nonzero(model, point)
    np.linalg.cholesky(H[np.ix_(nonzero, nonzero)])


def _is_lower(model: CurveModel, point: Point, around: Expansion, trial: Point) -> bool:
    """Return whether F falls by a sufficient part of what its slope along the step promises."""
    index = model.index
    step = trial.theta - point.theta
    penalties = [float(np.abs(p.theta[index.hinges]).sum()) / model.tau for p in (point, trial)]
    prior = _prior(model, point.theta, exact=False)
    smooth = float(prior.gradient @ step[index.free] - around.b @ step / point.s2)
    promised = min(smooth + penalties[1] - penalties[0], 0.0)
    allowed = point.F + _SUFFICIENT_DECREASE * promised + 1e-14 * abs(point.F)
    return bool(allowed >= trial.F)


def _next(rule: StepRule, length: float, decrease: float) -> StepRule:
    """Return the rule of the step after one of this length with this relative decrease of F."""
    if length == 1:
        level = max(rule.level - 1, 0)
        return StepRule(exact=decrease < EXACT_BELOW_DECREASE and level <= MAX_DAMPING_FOR_EXACT, level=level)
    return StepRule(level=min(rule.level + (length < _STEP_LENGTHS[1]), len(_DAMPINGS) - 1))


def point_at(model: CurveModel, theta: Vector) -> Point:
    """Return the point at the parameters `theta`; raises NoSolutionError if its variance is undefined."""
    values = evaluate(model.curve, theta)
    residual = model.y - values.yhat
    rss = float(residual @ residual)
    prior = _prior(model, theta, exact=False).value
    F = objective(rss, model.y.size, prior=prior, delta=theta[model.index.hinges], tau=model.tau)
    return Point(theta, values, residual, rss, variance(rss, model.y.size), F)


def _prior(model: CurveModel, theta: Vector, *, exact: bool) -> Prior:
    """Return what the priors of the free parameters add to F, that of open directions included."""
    own, extra = own_prior(model, theta, exact=exact), model.start_prior
    if extra is None:
        return own
    free = theta.take(model.index.free)
    pull = extra.gradient(free)
    value = own.value + float(pull @ (free - extra.start)) / 2
    return Prior(value, own.gradient + pull, own.curvature + extra.precision)


def own_prior(model: CurveModel, theta: Vector, *, exact: bool) -> Prior:
    """Return what Prophet's own priors of the free parameters add to F.

    Unless `exact`, the curvature of logistic growth's prior lacks the part that may be negative.
    """
    free = theta.take(model.index.free)
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
    """Return the violation of the optimality conditions in Prophet's parameters, with m for c."""
    gradient = b / point.s2
    gradient[model.index.free] -= _prior(model, point.theta, exact=False).gradient
    if model.logistic:
        k, c = point.theta[:2]
        gradient[:2] = gradient[0] + gradient[1] * c / k, -k * gradient[1]
    hinges = model.index.hinges
    free = gradient[model.index.free]
    return violation(free, gradient[hinges], delta=point.theta[hinges], tau=model.tau)
