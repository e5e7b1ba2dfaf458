"""Multiplicative features or logistic growth: the lowest of the minima that several descents reach.

Where the data leave directions open, the valleys of F are curved, so that "near Prophet's start" depends on
the way that is gone: the centre of the prior of `_start_prior` is where Prophet's optimiser ends.
"""

from dataclasses import replace
from math import sqrt
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.solver.descent import (
    CurveModel,
    End,
    Point,
    curve_model,
    descend,
    expansion,
    own_prior,
    point_at,
)
from fleetcast.forecasting.solver.logistic import trend_starts
from fleetcast.forecasting.solver.nonlinear_prior import prior_at
from fleetcast.forecasting.solver.objective import NoSolutionError, objective
from fleetcast.forecasting.solver.problem import Problem, Solution
from fleetcast.forecasting.solver.ridge_lasso import Expansion
from fleetcast.forecasting.solver.stan_descent import stan_end
from fleetcast.forecasting.solver.start_prior import prophet_start

_ROUNDS: Final = 10
"""Most descents with the prior: it is chosen where Prophet's optimiser ends, then where the last one did."""
_SETTLED: Final = 1e-4
"""Change of F between two descents, below which the next one would not move the forecast."""


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
        if not end.converged:
            end = descend(model, point_at(model, stan_end(model, _prophets(problem))))
        if with_start_prior and prior_at(model, end.point, end.around) is not None:
            end = _near_prophet(model, problem, end) or end
    if not end.converged:
        raise NoSolutionError(f"The optimality conditions are violated by {end.kkt:.1e} of the penalty.")
    return _solution(model, problem, end)


def _starts(problem: Problem) -> list[Vector]:
    """Return the θ to start from: the mean; of logistic growth three slopes."""
    if problem.cap is not None:
        pairs = trend_starts(problem.design[0], problem.y, problem.cap)
        return [np.concatenate((pair, np.zeros(len(problem.design) - 2))) for pair in pairs]
    line = _prophets(problem)
    mean = np.zeros_like(line)
    mean[0 if problem.growth == "flat" else 1] = level = problem.y.mean()
    # a trend near 0 has no slope for what multiplies it: then F may have a lower minimum elsewhere
    return [mean] if abs(level) > problem.y.std() else [mean, line]


def _prophets(problem: Problem) -> Vector:
    """Return the θ where Prophet's optimiser starts."""
    q, K = prophet_start(problem), problem.sigmas.size
    changes = 0 if problem.growth == "flat" else problem.t_change.size
    return np.concatenate((q[: q.size - K], np.zeros(changes + K)))


def _lowest(model: CurveModel, first: Point, around: Expansion, others: list[Vector]) -> End:
    lowest = descend(model, first, around)
    for start in others:
        end = descend(model, point_at(model, start))
        if end.point.F < lowest.point.F:
            lowest = end
    return lowest


def _near_prophet(model: CurveModel, problem: Problem, exact: End | None = None) -> End | None:
    """Return the minimum that stays near Prophet's end in open directions; None where it sees none.

    `exact` is the minimum without a prior, if it has been looked for.
    """
    point = point_at(model, stan_end(model, _prophets(problem)))
    centre, around = point.theta, expansion(model, point)
    prior = prior_at(model, point, around, centre)
    if prior is None and exact is not None:
        prior = prior_at(model, exact.point, exact.around, centre)
    if prior is None:
        return None
    end = None
    for _ in range(_ROUNDS):
        model = replace(model, start_prior=prior)
        found = descend(model, point_at(model, point.theta), around)
        if end is not None and not found.converged:
            break
        settled = end is not None and abs(found.point.F - end.point.F) <= _SETTLED
        end, point, around = found, found.point, found.around
        if settled:
            break
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
