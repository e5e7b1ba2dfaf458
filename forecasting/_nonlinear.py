"""Multiplicative features or logistic growth: the lowest of the minima that several descents reach.

Where the data leave directions open, the valleys of F are curved, so that "near Prophet's start" depends on
the way that is gone: the centre of the prior of `_start_prior` is where Prophet's optimiser ends.
"""

from dataclasses import replace
from math import sqrt
from typing import Final

import numpy as np

from forecasting._descent import (
    CurveModel,
    End,
    Point,
    curve_model,
    descend,
    expansion,
    own_prior,
    point_at,
)
from forecasting._logistic import trend_starts
from forecasting._nonlinear_prior import prior_at
from forecasting._objective import NoSolutionError, objective
from forecasting._problem import Parameters, Problem, Solution, Vector
from forecasting._ridge_lasso import Expansion
from forecasting._stan_descent import stan_end
from forecasting._start_prior import prophet_start

_ROUNDS: Final = 3
"""Descents with the prior: it is chosen where Prophet's optimiser ends, and twice where ours does."""


def solve_nonlinear(problem: Problem, *, with_start_prior: bool = True) -> Solution:
    """Return the lowest minimum of F found; raise `NoSolutionError` where the lowest point found is none.

    Where the data leave directions open, it is a minimum with the term of `_start_prior`, but the objective
    reported is still F.  That is tested at the first start already, so that no valley is walked along.
    """
    model, starts = curve_model(problem), _starts(problem)
    first = point_at(model, starts[0])
    around = expansion(model, first)
    end = None
    if with_start_prior and prior_at(model, first, around) is not None:
        end = _near_prophet(model, problem)
    if end is None:
        end = _lowest(model, first, around, starts[1:])
        if with_start_prior and prior_at(model, end.point, end.around) is not None:
            end = _near_prophet(model, problem, end) or end
    if not end.converged:
        raise NoSolutionError(f"The optimality conditions are violated by {end.kkt:.1e} of the penalty.")
    return _solution(model, problem, end)


def _starts(problem: Problem) -> list[Vector]:
    flat = problem.growth == "flat"
    theta = np.zeros(1 + problem.sigmas.size if flat else len(problem.design))
    if problem.cap is None:
        theta[0 if flat else 1] = problem.y.mean()
        return [theta]
    pairs = trend_starts(problem.design[0], problem.y, problem.cap)
    return [np.concatenate((pair, theta[2:])) for pair in pairs]


def _lowest(model: CurveModel, first: Point, around: Expansion, others: list[Vector]) -> End:
    ends = [descend(model, first, around), *(descend(model, point_at(model, start)) for start in others)]
    return min(ends, key=lambda end: end.point.F)


def _near_prophet(model: CurveModel, problem: Problem, exact: End | None = None) -> End | None:
    """Return the minimum that stays near Prophet's end in open directions; None where it sees none.

    `exact` is the minimum without a prior, if it has been looked for.
    """
    q = prophet_start(problem)
    theta = np.zeros(model.places.hinges.stop + problem.sigmas.size)
    theta[: model.places.trend] = q[: model.places.trend]
    point = point_at(model, stan_end(model, theta))
    centre, around = point.theta, expansion(model, point)
    prior = prior_at(model, point, around, centre)
    if prior is None and exact is not None:
        prior = prior_at(model, exact.point, exact.around, centre)
    if prior is None:
        return None
    for _ in range(_ROUNDS):
        model = replace(model, start_prior=prior)
        end = descend(model, point_at(model, point.theta), around)
        point, around = end.point, end.around
        prior = prior_at(model, point, around, centre)
    return end


def _solution(model: CurveModel, problem: Problem, end: End) -> Solution:
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
    delta, prior = theta[where.hinges], own_prior(model, theta, exact=False).value
    value = objective(point.rss, model.y.size, prior=prior, delta=delta, tau=model.tau)
    return Solution(Parameters(k, m, delta, beta, sqrt(point.s2)), value, end.kkt)
