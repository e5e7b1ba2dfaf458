"""The parameters of Prophet's model, under the names of Prophet's Stan program."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fleetcast.forecasting.arrays import Vector

Growth: TypeAlias = Literal["linear", "flat", "logistic"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Scalars k, m, sigma_obs; delta of shape (S,); beta of shape (K,): S changepoints, K features."""

    k: float
    m: float
    delta: Vector
    beta: Vector
    sigma_obs: float
