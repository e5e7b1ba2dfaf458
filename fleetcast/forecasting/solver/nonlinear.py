"""The estimate with multiplicative features or logistic growth: the lowest minimum of several descents.

F can have several minima here, so that descents start at several points (`_starts`).  Where the readings
leave directions open (`start_prior`), the valleys of F are curved and "near Prophet's start" depends on the
path: the prior's centre is where Prophet's optimiser ends (`stan_descent`).
"""

from dataclasses import replace
from math import sqrt
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.solver.descent import (
    CurveModel,
    Descent,
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
"""Most descents with a prior, which is computed anew at the end of each."""
_NEGLIGIBLE_CHANGE: Final = 1e-4
"""Change of F between two descents below which another descent would not move the forecast."""


def solve_nonlinear(problem: Problem, *, with_start_prior: bool = True) -> Solution:
    """Return the lowest minimum of F that the descents reach.

    If directions are open, it is a minimum of F with the term of `start_prior`; `Solution.objective` is F
    without it.  They are looked for at the first start already: a descent along an open direction is slow.

    Raises NoSolutionError if the lowest point is no minimum.
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
            end = descend(model, point_at(model, stan_end(model, _prophets_start(problem))))
        if with_start_prior and prior_at(model, end.point, end.around) is not None:
            end = _near_prophet(model, problem, end) or end
    if not end.converged:
        raise NoSolutionError(f"the optimality conditions are violated by {end.kkt:.1e} of the penalty")
    return _solution(model, problem, end)


def _starts(problem: Problem) -> list[Vector]:
    """Return the θ at which descents start: the mean of y; for logistic growth three slopes."""
    if problem.cap is not None:
        pairs = trend_starts(problem.design[0], problem.y, problem.cap)
        return [np.concatenate((pair, np.zeros(len(problem.design) - 2))) for pair in pairs]
    line = _prophets_start(problem)
    mean = np.zeros_like(line)
    mean[0 if problem.growth == "flat" else 1] = level = problem.y.mean()
    # features that multiply a trend near 0 have no slope there: F may have a lower minimum elsewhere
    return [mean] if abs(level) > problem.y.std() else [mean, line]


def _prophets_start(problem: Problem) -> Vector:
    """Return the θ at which Prophet's optimiser starts."""
    q, K = prophet_start(problem), problem.sigmas.size
    changes = 0 if problem.growth == "flat" else problem.t_change.size
    return np.concatenate((q[: q.size - K], np.zeros(changes + K)))


def _lowest(model: CurveModel, first: Point, around: Expansion, others: list[Vector]) -> Descent:
    """Return the lowest end of the descents from `first` and from the other starts."""
    lowest = descend(model, first, around)
    for start in others:
        end = descend(model, point_at(model, start))
        if end.point.F < lowest.point.F:
            lowest = end
    return lowest


def _near_prophet(model: CurveModel, problem: Problem, exact: Descent | None = None) -> Descent | None:
    """Return the minimum that stays near the end of Prophet's optimiser in open directions.

    `exact` is the minimum without a prior, if it is computed already.  Returns None if no direction is open,
    neither at the end of Prophet's optimiser nor at `exact`.
    """
    point = point_at(model, stan_end(model, _prophets_start(problem)))
    centre, around = point.theta, expansion(model, point)
    prior = prior_at(model, point, around, centre)
    if prior is None and exact is not None:
        prior = prior_at(model, exact.point, exact.around, centre)
    if prior is None:
        return None
    end = None
    for _ in range(_ROUNDS):
        model = replace(model, start_prior=prior)
        descent = descend(model, point_at(model, point.theta), around)
        if end is not None and not descent.converged:
            break
        is_settled = end is not None and abs(descent.point.F - end.point.F) <= _NEGLIGIBLE_CHANGE
        end, point, around = descent, descent.point, descent.around
        if is_settled:
            break
        prior = prior_at(model, point, around, centre)
    return end


def _solution(model: CurveModel, problem: Problem, end: Descent) -> Solution:
    """Return the end of a descent in Prophet's parameters and order of features."""
    index, point = model.index, end.point
    theta = point.theta
    k = float(theta[0]) if index.trend > 1 else 0.0
    m = float(theta[index.trend - 1])
    if model.logistic:
        m = -m / k
    scaling = len(model.curve.multiplicative)
    effects = theta[index.hinges.stop :]
    beta = np.empty_like(effects)
    beta[problem.multiplicative], beta[~problem.multiplicative] = effects[:scaling], effects[scaling:]
    delta, prior = theta[index.hinges], own_prior(model, theta, exact=False).value
    value = objective(point.rss, model.y.size, prior=prior, delta=delta, tau=model.tau)
    return Solution(Parameters(k, m, delta, beta, sqrt(point.s2)), value, end.kkt)
