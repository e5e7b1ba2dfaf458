"""The estimation problem of one customer in Stan's terms, and its solution."""

from dataclasses import dataclass

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.parameters import Growth, Parameters


@dataclass(frozen=True, slots=True)
class Problem:
    """The data that Prophet passes to Stan, in scaled units: N rows, S changepoints, K features.

    `objective` states what is minimised.
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
    """Shape (K,): true for features that multiply the trend; the others are added."""
    sigmas: Vector
    """Shape (K,): scales s of the priors of beta."""
    tau: float
    """Scale of the prior of delta: changepoint_prior_scale."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The maximum a posteriori estimate of a `Problem`."""

    parameters: Parameters
    objective: float
    """F: minus Stan's lp__ up to a constant."""
    kkt: float
    """Largest violation of the optimality conditions, in units of the penalty 1 / tau."""
