"""A fitted model as data: what a forecast needs, and nothing of the readings unless they were asked for.

Functions act on it: `forecast` and `forecast_many` forecast, `dumps` writes it, `loads` reads it back.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from fleetcast.forecasting.arrays import Flags, Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.features import FeatureMatrix, Standardization
from fleetcast.forecasting.horizon import Horizon
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import History, Scale
from fleetcast.forecasting.settings import Settings

Engine: TypeAlias = Literal["fleetcast", "prophet"]

LAST_DATES: Final = 5
"""Timestamps at the end of the history that every model keeps: Prophet infers the frequency from so many."""
WRONG_SAMPLES: Final = (
    "Prophet's own forecast from samples is wrong where multiplicative terms "
    "meet scaling='minmax' or a floor, as it multiplies the floor too; "
    "use mcmc_samples=0, where this is right, or additive terms"
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Model:
    """One customer's fitted model; about 2 KB, as models of the same make share settings and layout."""

    engine: Engine
    """Which program fitted it."""
    settings: Settings
    scale: Scale
    layout: FeatureMatrix
    standardizations: tuple[Standardization, ...]
    """One for each regressor of the layout."""
    parameters: Parameters
    t_change: Vector
    """Shape (S,), scaled time."""
    rows: int
    """N, the readings it was fitted to."""
    last_dates: Stamps
    """The last timestamps of the history, at most `LAST_DATES`, ascending."""
    history: History | None
    """Only with keep_history."""
    residuals: Vector | None = None
    """y - yhat of the N readings fitted, ascending in time, in units of y; None in a model that was read."""
    kept: dict[tuple[object, ...], Horizon] = field(default_factory=dict, repr=False)
    """A cache of one entry: the last horizon that was forecast, if it is small."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledModel:
    """A model fitted with mcmc_samples, which only stock Prophet can forecast with: Prophet's own JSON."""

    text: str
    engine: Literal["prophet"] = "prophet"


def samples_are_wrong(settings: Settings, scale: Scale, multiplicative: Flags) -> bool:
    """Return whether Prophet's own `predict` multiplies a floor that its fit did not (see `yhat`)."""
    return (settings.scaling == "minmax" or scale.logistic_floor) and bool(multiplicative.any())
