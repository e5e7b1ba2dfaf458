"""The rows of a forecast, and what a model needs to forecast the same rows again."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.calendar import Stamps


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRows:
    """The rows to forecast, ascending in time."""

    ds: Stamps
    cap: Vector | None
    floor: Vector | None
    regressors: Mapping[str, Vector]
    conditions: Mapping[str, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """What a model needs for the same rows again; the forecast itself is made anew each time.

    1.5 KB for 7 steps of a model with 26 features, of which X is most.
    """

    rows: ForecastRows
    X: Matrix
    """The features, shape (rows, K)."""
    t: Vector
    """Scaled time."""
    lines: tuple[Vector, Vector] | None
    """Slope and intercept of a linear trend at each row."""
    probabilities: Mapping[str, float]
    """The quantiles, by the ending of their column."""
    deviations: tuple[Matrix, Matrix] | None
    """How far the quantiles are from yhat and from the trend, in units of y."""
