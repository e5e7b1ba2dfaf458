"""Between Prophet's preprocessing and the solver: one customer's estimation problem in Stan's terms."""

from dataclasses import dataclass

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.parameters import Growth, Parameters


@dataclass(frozen=True, slots=True)
class Problem:
    """What Prophet hands to Stan, in scaled units (docs/explanation/model.md gives the objective).

    N rows, S changepoints, K features.
    """

    growth: Growth
    design: Matrix
    """Shape (2 + S + K, N), one row per column of Prophet's matrix: t in [0, 1]; ones; the hinges
    max(t - t_change[j], 0); the features X."""
    y: Vector
    """Shape (N,), scaled."""
    cap: Vector | None
    """Shape (N,), scaled; logistic growth only."""
    t_change: Vector
    """Shape (S,)."""
    multiplicative: Flags
    """Shape (K,): which features multiply the trend; the others are added."""
    sigmas: Vector
    """Shape (K,): prior scales of beta."""
    tau: float
    """changepoint_prior_scale."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The maximum a posteriori estimate of a `Problem`."""

    parameters: Parameters
    objective: float
    """F: minus Stan's lp__, but for a constant that depends on nothing."""
    kkt: float
    """Largest violation of the optimality conditions, in units of the penalty 1 / tau."""
