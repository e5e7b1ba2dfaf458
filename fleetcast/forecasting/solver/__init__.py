"""From the estimation problem to its parameters: the minimum of minus Prophet's log posterior."""

from fleetcast.forecasting.solver.estimate import NoSolutionError, maximum_a_posteriori
from fleetcast.forecasting.solver.problem import Problem, Solution

__all__ = [
    "NoSolutionError",
    "Problem",
    "Solution",
    "maximum_a_posteriori",
]
