"""A fitted model as data: what a forecast needs, without the readings unless keep_history asks for them.

Functions act on it: `forecast` and `forecast_many` forecast, `dumps` writes it, `loads` reads it back.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self, TypeAlias

from fleetcast.forecasting.arrays import Flags, Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.features import FeatureMatrix, Standardization
from fleetcast.forecasting.horizon import Horizon
from fleetcast.forecasting.members import Combination
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import History, Scale
from fleetcast.forecasting.settings import Settings

Engine: TypeAlias = Literal["fleetcast", "prophet"]

LAST_DATES: Final = 5
"""Number of last timestamps in every model; Prophet infers the frequency from as many."""
WRONG_SAMPLES: Final = (
    "Prophet's own forecast from samples is wrong where multiplicative terms "
    "meet scaling='minmax' or a floor, as it multiplies the floor too; "
    "use mcmc_samples=0, where this is right, or additive terms"
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Model:
    """One customer's fitted model: N readings, S changepoints, K features.

    It takes about 2 KB, as models with the same components share settings and layout.
    """

    engine: Engine
    """The program that fitted it."""
    settings: Settings
    scale: Scale
    layout: FeatureMatrix
    standardizations: tuple[Standardization, ...]
    """One for each regressor of the layout."""
    parameters: Parameters
    t_change: Vector
    """The changepoints in scaled time, shape (S,), ascending."""
    rows: int
    """N, the number of readings it was fitted to."""
    last_dates: Stamps
    """The last timestamps of the history, at most `LAST_DATES`, ascending."""
    history: History | None
    """The readings, if `keep_history` was set."""
    combination: Combination | None = None
    """Other methods' part in the forecasts after the history, and intervals; None for Prophet's own."""
    residuals: Vector | None = None
    """y - yhat in units of y, ascending in time, shape (N,); None in a model from `loads`."""
    horizon_cache: dict[tuple[object, ...], Horizon] = field(default_factory=dict, repr=False)
    """The last horizon that was forecast, if it is small: at most one entry."""

    def with_later_end(self, dates: Stamps, combination: Combination) -> Self:
        """Return the model whose forecasts begin after `dates`, ascending, the end of a longer history."""
        last = dates[-LAST_DATES:].copy()
        return replace(self, last_dates=last, combination=combination, residuals=None, horizon_cache={})


@dataclass(frozen=True, slots=True, eq=False)
class SampledModel:
    """A model fitted with mcmc_samples; only stock Prophet can forecast with it."""

    text: str
    """Prophet's own JSON."""
    engine: Literal["prophet"] = "prophet"


def samples_are_wrong(settings: Settings, scale: Scale, multiplicative: Flags) -> bool:
    """Return whether Prophet's own `predict` multiplies a floor, which its fit did not.

    `predict.point_forecast.yhat` states the two expressions.
    """
    return (settings.scaling == "minmax" or scale.logistic_floor) and bool(multiplicative.any())
