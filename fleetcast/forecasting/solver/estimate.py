"""The maximum a posteriori estimate of Prophet's model: from a `Problem` to its `Solution`."""

from dataclasses import replace

import numpy as np

from fleetcast.forecasting.arrays import Flags, Vector
from fleetcast.forecasting.solver.additive import solve_additive
from fleetcast.forecasting.solver.nonlinear import solve_nonlinear
from fleetcast.forecasting.solver.objective import NoSolutionError
from fleetcast.forecasting.solver.problem import Problem, Solution

__all__ = ["NoSolutionError", "maximum_a_posteriori"]


def maximum_a_posteriori(problem: Problem, *, with_start_prior: bool = True) -> Solution:
    """Return the maximum a posteriori estimate, which Stan's optimiser approximates for Prophet.

    In directions that the readings leave open the estimate stays near Prophet's start (`start_prior`), unless
    `with_start_prior` is false.

    Raises NoSolutionError if the optimality conditions are not met, or if the scaled noise falls below 1e-8,
    as with fewer rows than parameters: then the posterior has no maximum.
    """
    if problem.growth == "flat":
        # k and δ appear only in their priors, so both are 0
        return _with_delta(
            _solve(problem, with_start_prior=with_start_prior), np.zeros(problem.t_change.size)
        )
    first = np.concatenate(([True], np.diff(problem.t_change) != 0))
    if first.all():
        return _solve(problem, with_start_prior=with_start_prior)
    return _with_equal_changepoints(problem, first, with_start_prior=with_start_prior)


def _solve(problem: Problem, *, with_start_prior: bool) -> Solution:
    """Solve by the solver for this kind of problem; raises NoSolutionError."""
    additive = problem.growth != "logistic" and not problem.multiplicative.any()
    try:
        with np.errstate(all="ignore"):
            solve = solve_additive if additive else solve_nonlinear
            return solve(problem, with_start_prior=with_start_prior)
    except np.linalg.LinAlgError as error:
        raise NoSolutionError(f"no step towards the estimate was found: {error}") from error


def _with_equal_changepoints(problem: Problem, first: Flags, *, with_start_prior: bool) -> Solution:
    """Solve with one of the changepoints at each time; those at the same time share its δ evenly.

    `first`, shape (S,), is true for the first changepoint at each time.
    """
    rows = np.concatenate(([True, True], first, np.ones(problem.sigmas.size, np.bool_)))
    distinct = replace(problem, design=problem.design[rows], t_change=problem.t_change[first])
    solution = _solve(distinct, with_start_prior=with_start_prior)
    origin = np.cumsum(first) - 1
    return _with_delta(solution, (solution.parameters.delta / np.bincount(origin))[origin])


def _with_delta(solution: Solution, delta: Vector) -> Solution:
    """Return the solution with other changes of the growth rate."""
    return replace(solution, parameters=replace(solution.parameters, delta=delta))
