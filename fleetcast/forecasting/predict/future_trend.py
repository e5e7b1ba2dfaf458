"""The random part of a future trend: the probability and size of its changes of slope, and their steps."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.predict.characteristic_function import Cube, jump_variance

_EVERY_STEP_TO: Final = 8
"""Step up to which every step is a node."""
_RATIO: Final = 1.2
"""Largest ratio of neighbouring nodes after that."""
_LEAST_PROBABILITY: Final = 1e-12
"""Used for 0, as with equal future times: without changes the quantiles are undefined."""


@dataclass(frozen=True, slots=True)
class SlopeChanges:
    """Random changes of the future slope: independent, Laplace-distributed, at most one in each step."""

    probability: float
    """Of a change in one step, above 0."""
    size: float
    """Scale of the Laplace distribution, in scaled units of y and time."""
    spacing: float
    """Length of a step in scaled time."""

    @classmethod
    def after(cls, parameters: Parameters, t_change: Vector, *, t: Vector, rows: int) -> "SlopeChanges":
        """Return the changes that Prophet draws at the future times t, shape (H,), ascending, in scaled time.

        A single future row has no spacing; the mean spacing of the history's `rows` replaces it.
        """
        spacing = float(t[-1] - t[0]) / (len(t) - 1) if len(t) > 1 else 1.0 / max(rows - 1, 1)
        size = float(np.abs(parameters.delta).mean()) if parameters.delta.size else 0.0
        probability = min(1.0, max(len(t_change) * spacing, _LEAST_PROBABILITY))
        return cls(probability=probability, size=size + 1e-8, spacing=spacing)


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps 1..H into the future, and the fewer nodes at which quantiles are computed."""

    every: Vector
    """Shape (H,)."""
    nodes: Vector
    """Shape (M,), from 1 to H: whole numbers up to 8, then in equal ratios."""
    jump_variance: Vector
    """Var V_h / p at every step (see `characteristic_function`), shape (H,)."""
    node_jump_variance: Vector
    """Var V_h / p at the nodes, shape (M,)."""
    log_every: Vector
    """Logarithm of the steps, shape (H,)."""
    log_nodes: Vector
    """Logarithm of the nodes, shape (M,)."""

    def interpolate(self, values: Cube) -> Cube:
        """Return values at every step, shape (..., H), from those at the nodes, (..., M): linear in log h."""
        if len(self.nodes) == len(self.every):
            return values
        lines = [
            np.interp(self.log_every, self.log_nodes, line) for line in values.reshape(-1, len(self.nodes))
        ]
        return np.array(lines).reshape(*values.shape[:-1], len(self.every))


# A service repeats the same few horizons; 32 of them, of 365 steps, take 0.2 MB.
@lru_cache(maxsize=32)
def steps_to(horizon: int, *, every: bool = False) -> Steps:
    """Return the steps up to a horizon of at least 1; if `every`, each of them is a node."""
    steps = np.arange(1.0, horizon + 1.0)
    nodes = steps
    if not every and horizon > _EVERY_STEP_TO + 1:
        count = 1 + int(np.ceil(np.log(horizon / _EVERY_STEP_TO) / np.log(_RATIO)))
        spread = np.geomspace(_EVERY_STEP_TO, horizon, count)
        nodes = np.concatenate([steps[:_EVERY_STEP_TO], spread[1:]])
    return Steps(
        every=steps,
        nodes=nodes,
        jump_variance=jump_variance(steps),
        node_jump_variance=jump_variance(nodes),
        log_every=np.log(steps),
        log_nodes=np.log(nodes),
    )
