"""The parameters of Prophet's model, under the names of Prophet's Stan program."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fleetcast.forecasting.arrays import Vector

Growth: TypeAlias = Literal["linear", "flat", "logistic"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a model with S changepoints and K features; time and readings are scaled.

    The names are those of S. J. Taylor and B. Letham, Forecasting at scale, The American Statistician 72,
    2018, and of Prophet's Stan program.
    """

    k: float
    """Growth rate at the start."""
    m: float
    """Offset of the trend; with flat growth its level."""
    delta: Vector
    """Change of the growth rate at each changepoint, shape (S,)."""
    beta: Vector
    """Effect of each feature, shape (K,)."""
    sigma_obs: float
    """Standard deviation of the noise."""
