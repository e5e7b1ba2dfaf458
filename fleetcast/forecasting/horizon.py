"""The rows of a forecast, and what a model needs to forecast the same rows again: H rows, K features."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import CorrectedRows


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRows:
    """The rows to forecast, ascending in time; arrays are of shape (H,), in the units of the history."""

    ds: Stamps
    cap: Vector | None
    floor: Vector | None
    regressors: Mapping[str, Vector]
    conditions: Mapping[str, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """What does not change if a model forecasts the same rows again.

    It takes 1.5 KB for 7 steps of a model with 26 features; X is the largest part.
    """

    rows: ForecastRows
    X: Matrix
    """The features, shape (H, K)."""
    t: Vector
    """Scaled time, shape (H,)."""
    lines: tuple[Vector, Vector] | None
    """Slope and intercept of a linear trend at each row, shape (H,) each; None for other growth."""
    probabilities: Mapping[str, float]
    """The Q quantiles' probabilities by the ending of their columns, such as lower and 0.1."""
    deviations: tuple[Matrix, Matrix] | None
    """Distances of the quantiles from yhat and from the trend, shape (Q, H) each, in units of y."""
    others: CorrectedRows | None = None
    """The part of other methods in each row; None where Prophet's model forecasts alone."""
