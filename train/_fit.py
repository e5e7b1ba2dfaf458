"""From readings to a model: the engines in turn, and how good the model is."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np

from forecasting import FitError, HistoryError, Model, SampledModel, fit
from train._metrics import Holdout, metrics, naive_error, season
from train._readings import BOUNDS, Readings
from train._settings import TrainSettings

AnyModel: TypeAlias = Model | SampledModel
LEAST_ROWS = 4
SEASONS = 2
"""So many seasons of the end of a history make a seasonal naive forecast."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A model, the engine that made it, and why it was not the first one."""

    model: AnyModel
    engine: str
    reason: str = ""


def estimate(readings: Readings, settings: TrainSettings) -> Estimate:
    """Fit by the fast engine; where it cannot, by Prophet; where that fails, by a seasonal naive forecast.

    Raises HistoryError where there is no reading at all, and forecasting.SettingError.
    """
    try:
        model = fit(readings.ds, readings.y, **arguments_of(readings, settings), **settings.model)
    except (FitError, HistoryError) as error:
        return Estimate(_naive(readings), "naive", f"seasonal naive forecast instead: {error}")
    asked_for = settings.model.get("mcmc_samples")
    reason = "" if model.engine == "fleetcast" or asked_for else "no proper optimum: fitted by Prophet itself"
    return Estimate(model, model.engine, reason)


def evaluate(readings: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, dict[str, float]]:
    """Return the metrics in sample, and those on the readings kept back, if any were asked for."""
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    found = {"in_sample": _in_sample(usable, estimated, settings)}
    kept_back = settings.holdout.kept_back(usable.ds)
    if settings.holdout != Holdout() and 1 < kept_back.sum() < len(kept_back) - 1:
        before, after = usable.rows(~kept_back), usable.rows(kept_back)
        found["holdout"] = _measured(before, after, estimate(before, settings), settings)
    return found


def _in_sample(history: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, float]:
    model = estimated.model
    if not isinstance(model, Model) or model.residuals is None or len(model.residuals) != len(history.y):
        return _measured(history, history, estimated, settings)
    # within the history the interval is the noise alone
    sigma = model.parameters.sigma_obs * model.scale.y_scale
    half_width = NormalDist(sigma=sigma).inv_cdf((1 + model.settings.interval_width) / 2)
    yhat = history.y - model.residuals
    scale = naive_error(history.ds, history.y)
    return metrics(history.y, yhat, yhat - half_width, yhat + half_width, scale=scale)


def _measured(
    history: Readings, test: Readings, estimated: Estimate, settings: TrainSettings
) -> dict[str, float]:
    arguments = {} if estimated.engine == "naive" else arguments_of(test, settings)
    forecast = estimated.model.predict(ds=test.ds, **arguments)
    columns = (forecast[name] for name in ("yhat", "yhat_lower", "yhat_upper"))
    return metrics(test.y, *columns, scale=naive_error(history.ds, history.y))


def arguments_of(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    """Return the arguments of fit and predict that each customer's file has its own values for."""
    conditions = {row.get("condition_name") for row in settings.model.get("seasonalities", ())}
    arguments: dict[str, Any] = dict(settings.bounds)
    arguments |= {name: readings.columns[name] for name in BOUNDS if name in readings.columns}
    for name in settings.columns:
        kind = "conditions" if name in conditions else "regressors"
        arguments.setdefault(kind, {})[name] = readings.columns[name]
    return arguments


def _naive(readings: Readings) -> AnyModel:
    """Return the level and the daily or weekly season of the last readings, as a model without a trend."""
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    if not len(usable.y):
        raise HistoryError("no reading is a number")
    length = season(usable.ds)
    recent = usable.rows(np.arange(len(usable.y)) >= len(usable.y) - SEASONS * length)
    if length > 1 and len(recent.y) >= LEAST_ROWS:
        try:
            return fit(recent.ds, recent.y, growth="flat", n_changepoints=0, yearly_seasonality=False)
        except (FitError, HistoryError):
            pass  # the level alone, then
    last = usable.ds[-1]
    return fit([last - np.timedelta64(1, "D"), last], np.full(2, usable.y[-1]), growth="flat")
