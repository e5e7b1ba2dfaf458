"""From readings to a model: the engines in turn, and how good the model is."""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np

from fleetcast.errors import FitError, HistoryError
from fleetcast.evaluation.metrics import Holdout, metrics, naive_error
from fleetcast.forecasting import (
    RESOLVED_AHEAD,
    CountryHolidays,
    FitOptions,
    ForecastOptions,
    HolidayTable,
    Model,
    SampledModel,
    fit,
    forecast,
)
from fleetcast.readings.customer.readings import BOUNDS, Readings, Times, Vector
from train.customer.naive import naive
from train.settings import TrainSettings

INSTEAD = "seasonal naive forecast instead: "
NO_NOISE = 1e-8
"""Scaled standard deviation below which a model explains its readings without noise."""

AnyModel: TypeAlias = Model | SampledModel


@dataclass(frozen=True, slots=True)
class Estimate:
    """A model, the engine that made it, and why it was not the first one."""

    model: AnyModel
    engine: str
    reason: str = ""


def estimate(readings: Readings, settings: TrainSettings) -> Estimate:
    """Fit by the fast engine; where it cannot, by Prophet; where that fails, by a seasonal naive forecast.

    Raises HistoryError where there is no reading at all, and SettingError.
    """
    try:
        options = fit_options(readings.ds, settings)
        model = fit(readings.ds, readings.y, options, **arguments_of(readings, settings))
    except (FitError, HistoryError) as error:
        return naive_estimate(readings, str(error))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return naive_estimate(readings, f"the numbers are beyond what can be computed ({error})")
    asked_for = settings.model.get("mcmc_samples")
    reason = "" if model.engine == "fleetcast" or asked_for else "no proper optimum: fitted by Prophet itself"
    return Estimate(model, model.engine, reason)


def naive_estimate(readings: Readings, reason: str) -> Estimate:
    """Return the seasonal naive forecast; raises HistoryError where there is no reading at all."""
    return Estimate(naive(readings), "naive", INSTEAD + reason)


def fit_options(ds: Times, settings: TrainSettings) -> FitOptions:
    """Return the options of the fit for a history of these times: a country's days are holidays by date.

    Raises SettingError where they contradict the customer's own holidays.
    """
    arguments = settings.arguments
    if settings.country is not None:
        first, last = (int(time.astype("datetime64[Y]").astype(int)) + 1970 for time in (ds.min(), ds.max()))
        table = _country_table(settings.country, first, last)
        own = arguments.get("holidays")
        arguments["holidays"] = table if own is None else HolidayTable.of(own).joined(table)
    return FitOptions(**arguments)


@lru_cache(maxsize=64)
def _country_table(country: CountryHolidays, first_year: int, last_year: int) -> HolidayTable:
    return HolidayTable.of(country.rows(first_year, last_year, years_ahead=RESOLVED_AHEAD))


def evaluate(readings: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, dict[str, float]]:
    """Return the metrics in sample, and those on the readings kept back, if any were asked for."""
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    found = {"in_sample": _in_sample(usable, estimated, settings)}
    if isinstance(estimated.model, Model) and estimated.model.parameters.sigma_obs < NO_NOISE:
        found["in_sample"].pop("mase", None)  # two readings on a line would be the best score of a fleet
    kept_back = settings.holdout.kept_back(usable.ds)
    if settings.holdout != Holdout() and 1 < kept_back.sum() < len(kept_back) - 1:
        before, after = usable.rows(~kept_back), usable.rows(kept_back)
        found["holdout"] = _measured(before, after, estimate(before, settings), settings)
    return found


def _in_sample(history: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, float]:
    model = estimated.model
    if not isinstance(model, Model) or model.residuals is None or len(model.residuals) != len(history.y):
        return _measured(history, history, estimated, settings)
    yhat = history.y - model.residuals
    scale = naive_error(history.ds, history.y)
    if not model.settings.uncertainty_samples:
        return metrics(history.y, _clipped(yhat, settings), scale=scale)
    # within the history the interval is the noise alone
    sigma = model.parameters.sigma_obs * model.scale.y_scale
    half_width = NormalDist(sigma=sigma).inv_cdf((1 + model.settings.interval_width) / 2)
    columns = (_clipped(values, settings) for values in (yhat, yhat - half_width, yhat + half_width))
    return metrics(history.y, *columns, scale=scale)


def _measured(
    history: Readings, test: Readings, estimated: Estimate, settings: TrainSettings
) -> dict[str, float]:
    arguments = {} if estimated.engine == "naive" else arguments_of(test, settings)
    table = forecast(estimated.model, ForecastOptions(ds=test.ds, **arguments))
    names = [name for name in ("yhat", "yhat_lower", "yhat_upper") if name in table]
    columns = (_clipped(table[name], settings) for name in names)
    return metrics(test.y, *columns, scale=naive_error(history.ds, history.y))


def _clipped(values: Vector, settings: TrainSettings) -> Vector:
    return np.maximum(values, 0.0) if settings.non_negative else values


def arguments_of(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    """Return the arguments of fit and predict that each customer's file has its own values for."""
    arguments: dict[str, Any] = {}
    if settings.is_logistic:
        arguments |= settings.bounds
        arguments |= {name: readings.columns[name] for name in BOUNDS if name in readings.columns}
    if not settings.columns:
        return arguments
    conditions = {row.get("condition_name") for row in settings.arguments.get("seasonalities", ())}
    for name in settings.columns:
        kind = "conditions" if name in conditions else "regressors"
        arguments.setdefault(kind, {})[name] = readings.columns[name]
    return arguments
