"""Series with a day and a week, and models of them that other methods have a part in."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

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
from fleetcast.forecasting import (
    Combination,
    FitOptions,
    ForecastOptions,
    Model,
    fit,
    forecast,
    known_effects,
)
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, microseconds

_POINT_ONLY: Final = FitOptions(uncertainty_samples=0)
_NONE: Final[Mapping[str, Vector]] = MappingProxyType({})


def hourly(rows: int = 24 * 7 * 6, *, seed: int = 0, noise: float = 3.0) -> tuple[Stamps, Vector]:
    """Return times and readings with a day, a week and noise that lasts for hours."""
    generator = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=rows, freq="h")
    lasting = np.zeros(rows)
    for i, shock in enumerate(generator.normal(0, noise, rows)):
        lasting[i] = 0.8 * lasting[i - 1] + shock
    day = 20 * np.sin(2 * np.pi * ds.hour / 24) * np.where(ds.day_of_week < 5, 1.0, 0.2)
    return microseconds(ds.to_numpy()), 100 + day.to_numpy() + lasting


def promotions(rows: int, *, seed: int = 0) -> Vector:
    """Return 1 for the rows of every fourth day or so, and 0 for others; a day has 24 rows."""
    days = np.random.default_rng(seed).uniform(size=-(-rows // 24)) < 1 / 4
    return days.repeat(24)[:rows].astype(np.float64)


def fits_before(
    stamps: Stamps, y: Vector, settings: FitOptions, regressors: Mapping[str, Vector]
) -> Callable[[int], FittedProphet]:
    """Return the function that fits Prophet's model to the first rows, whose number it takes."""
    ds = stamps.view("datetime64[us]")

    def at(rows: slice) -> dict[str, Any]:
        return {"regressors": {name: values[rows] for name, values in regressors.items()} or None}

    def fit_before(rows: int) -> FittedProphet:
        before, every = slice(0, rows), slice(None)
        model = fit(ds[before], y[before], settings, **at(before))
        assert isinstance(model, Model)

        def yhat(rows: slice) -> Vector:
            return forecast(model, ForecastOptions(ds=ds[rows], **at(rows)))["yhat"]

        residuals = y[before] - yhat(before) if model.residuals is None else model.residuals
        has_effects = model.layout.holidays or model.layout.regressors
        effects = known_effects(model, ForecastOptions(ds=ds, **at(every))) if has_effects else None
        return FittedProphet(residuals, yhat, effects)

    return fit_before


def combination(  # noqa: PLR0913 - as `combine`, and what Prophet's model uses
    stamps: Stamps,
    y: Vector,
    freq: str = "h",
    options: CombineOptions | None = None,
    incumbent: Incumbent | None = None,
    *,
    settings: FitOptions = _POINT_ONLY,
    regressors: Mapping[str, Vector] = _NONE,
) -> Combined | None:
    """Return what the backtests of Prophet's model and of the other methods lead to."""
    fit_before = fits_before(stamps, y, settings, regressors)
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


def combined_model(
    stamps: Stamps,
    y: Vector,
    freq: str = "h",
    *,
    regressors: Mapping[str, Vector] = _NONE,
    **settings: object,
) -> Model:
    """Return a fitted model that has other methods' part and calibrated intervals."""
    options = FitOptions(**settings)  # type: ignore[arg-type]
    model = fit(stamps.view("datetime64[us]"), y, options, regressors=regressors or None)
    together = combination(stamps, y, freq, settings=options, regressors=regressors)
    assert isinstance(model, Model)
    assert together is not None
    own = Combination(together.origin, together.freq, together.correction, together.calibration)
    return replace(model, combination=own)
