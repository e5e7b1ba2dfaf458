"""From readings to a model: Fleetcast's solver, else Prophet, else a seasonal naive forecast."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from fleetcast.errors import FitError, HistoryError
from fleetcast.evaluation import Combined, Incumbent
from fleetcast.forecasting import Model, SampledModel, fit
from fleetcast.readings.customer import Readings
from train.customer.arguments import column_arguments, fit_options
from train.customer.combine import combined
from train.customer.naive import naive
from train.settings import TrainSettings

NO_NOISE: Final = 1e-8
"""Scaled standard deviation below which a model explains its readings without noise."""

AnyModel: TypeAlias = Model | SampledModel


@dataclass(frozen=True, slots=True)
class Estimate:
    """A model, and the engine that made it."""

    model: AnyModel
    engine: Literal["fleetcast", "prophet", "naive"]
    combined: Combined | None = None
    """The result of the backtests of all methods; None without backtests."""
    why_not_fleetcast: str = ""
    """Why Fleetcast's solver did not make it; empty where it did, or where the settings need Prophet."""

    @property
    def is_naive(self) -> bool:
        """Whether it is a seasonal naive forecast."""
        return self.engine == "naive"


def estimate(readings: Readings, settings: TrainSettings, incumbent: Incumbent | None = None) -> Estimate:
    """Return the model of the first engine that can make one; `incumbent` is an earlier choice of methods.

    Raises HistoryError where there is no reading at all, and SettingError.
    """
    try:
        options = fit_options(readings.ds, settings)
        model = fit(readings.ds, readings.y, options, **column_arguments(readings, settings))
    except (FitError, HistoryError) as error:
        return naive_estimate(readings, str(error))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return naive_estimate(readings, f"the numbers are beyond what can be computed ({error})")
    if model.engine == "fleetcast":
        if settings.methods.combine is None or not isinstance(model, Model):
            return Estimate(model, "fleetcast")
        model, together = combined(readings, model, settings, settings.methods.combine, incumbent)
        return Estimate(model, "fleetcast", together)
    if settings.model.get("mcmc_samples"):  # which only Prophet can draw
        return Estimate(model, model.engine)
    return Estimate(model, model.engine, why_not_fleetcast="no proper optimum: fitted by Prophet itself")


def naive_estimate(readings: Readings, reason: str) -> Estimate:
    """Return the seasonal naive forecast; raise HistoryError where there is no reading at all."""
    return Estimate(naive(readings), "naive", why_not_fleetcast=reason)
