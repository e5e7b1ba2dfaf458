"""Series with a day and a week, and models of them that other methods have a part in."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from fleetcast.evaluation import (
    Combined,
    CombineOptions,
    FittedProphet,
    FleetMeans,
    FleetSums,
    Incumbent,
    combine,
)
from fleetcast.forecasting import Combination, FitOptions, ForecastOptions, Model, fit, forecast
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, microseconds


def hourly(rows: int = 24 * 7 * 6, *, seed: int = 0, noise: float = 3.0) -> tuple[Stamps, Vector]:
    """Return times and readings with a day, a week and noise that lasts for hours."""
    generator = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=rows, freq="h")
    lasting = np.zeros(rows)
    for i, shock in enumerate(generator.normal(0, noise, rows)):
        lasting[i] = 0.8 * lasting[i - 1] + shock
    day = 20 * np.sin(2 * np.pi * ds.hour / 24) * np.where(ds.day_of_week < 5, 1.0, 0.2)
    return microseconds(ds.to_numpy()), 100 + day.to_numpy() + lasting


def combination(
    stamps: Stamps,
    y: Vector,
    freq: str = "h",
    options: CombineOptions | None = None,
    incumbent: Incumbent | None = None,
) -> Combined | None:
    """Return what the backtests of Prophet's model and of the other methods lead to."""
    ds = stamps.view("datetime64[us]")

    def fit_before(rows: int) -> FittedProphet:
        model = fit(ds[:rows], y[:rows], FitOptions(uncertainty_samples=0))
        assert isinstance(model, Model)
        assert model.residuals is not None
        return FittedProphet(
            model.residuals, lambda rows: forecast(model, ForecastOptions(ds=ds[rows]))["yhat"]
        )

    return combine(stamps, y, freq, fit_before, options or CombineOptions(), incumbent)


@cache
def fleet_of(customers: int = 9) -> Mapping[str, FleetMeans]:
    """Return the statistics of a fleet of hourly customers."""
    sums = FleetSums()
    for seed in range(customers):
        together = combination(*hourly(seed=seed))
        assert together is not None
        assert together.summary is not None
        sums.add(together.errors, together.summary)
    return sums.means()


def combined_model(stamps: Stamps, y: Vector, freq: str = "h", **settings: object) -> Model:
    """Return a fitted model that has other methods' part and calibrated intervals."""
    model = fit(stamps.view("datetime64[us]"), y, FitOptions(**settings))  # type: ignore[arg-type]
    together = combination(stamps, y, freq)
    assert isinstance(model, Model)
    assert together is not None
    own = Combination(together.origin, together.freq, together.correction, together.calibration)
    return replace(model, combination=own)
