"""How good a customer's model is: on the readings that it was fitted to, and on those held out."""

import math
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from fleetcast.evaluation import (
    Combined,
    Holdout,
    beats_seasonal_naive,
    measure,
    naive_error,
    naive_forecast,
)
from fleetcast.forecasting import ForecastOptions, Model, forecast
from fleetcast.readings.customer import Readings, Vector
from train.customer.arguments import column_arguments
from train.customer.earlier import EarlierChoice
from train.customer.estimate import NO_NOISE, Estimate, estimate
from train.settings import TrainSettings

_DIGITS: Final = 6
_OF_PLAIN_FIT: Final = ("mae", "rmse", "smape", "coverage", "mase")
"""What a job measures that has no holdout and compares no methods, so that its archives stay as they were."""


def evaluate(
    readings: Readings, estimated: Estimate, settings: TrainSettings, choice: EarlierChoice
) -> dict[str, Any]:
    """Return the metrics by `in_sample` and, with the hyperparameter holdout, by `holdout`.

    A history too short to be split has no `holdout`.  Where methods were compared there are `backtest`,
    the mean absolute scaled error of each method and of the combined forecast, `members`, the weights, and
    more about the combined forecast; see `train.customer.outcome`.
    """
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    measured = {"in_sample": _in_sample(usable, estimated, settings)}
    if isinstance(estimated.model, Model) and estimated.model.parameters.sigma_obs < NO_NOISE:
        measured["in_sample"].pop("mase", None)  # two readings on a line would be the best score of a fleet
    if settings.methods.combine is None and settings.holdout == Holdout():
        fit = measured["in_sample"]
        measured["in_sample"] = {name: fit[name] for name in _OF_PLAIN_FIT if name in fit}
    held_out = settings.holdout.withheld(usable.ds)
    if settings.holdout != Holdout() and 1 < held_out.sum() < len(held_out) - 1:
        before, after = usable.rows(~held_out), usable.rows(held_out)
        measured["holdout"] = _held_out(before, after, settings, choice)
    return measured if estimated.combined is None else measured | _of_backtests(estimated.combined)


def _of_backtests(together: Combined) -> dict[str, Any]:
    measured: dict[str, Any] = {
        "backtest": {name: round(error, _DIGITS) for name, error in together.errors.items()},
        "members": {name: round(weight, _DIGITS) for name, weight in together.weights.items()},
    }
    if (beats := together.beats_seasonal_naive) is not None:
        measured["beats_seasonal_naive"] = beats
    for name, value in (("backtest_wape", together.wape), ("backtest_bias", together.bias)):
        if math.isfinite(value):
            measured[name] = float(f"{value:.{_DIGITS}g}")
    if together.coverage:
        measured["coverage_80"] = round(together.coverage[0.8], _DIGITS)
        measured["backtest_coverage"] = {
            f"{100 * probability:g}": round(share, _DIGITS)
            for probability, share in together.coverage.items()
        }
    return measured


def _held_out(
    before: Readings, after: Readings, settings: TrainSettings, choice: EarlierChoice
) -> dict[str, float]:
    """Return the metrics of a forecast of the readings `after`, and whether it beats the naive forecast."""
    estimated = estimate(before, settings, choice.before(after.ds[0]))
    measured = _measured(before, after, estimated, settings)
    naive = _clipped(naive_forecast(before.ds, before.y, after.ds), settings)
    errors = (each.get("mae", math.inf) for each in (measured, measure(after.y, naive, naive_error=0.0)))
    return measured | {"beats_seasonal_naive": beats_seasonal_naive(*errors)}


def _in_sample(history: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, float]:
    """Return the metrics on the history itself, from the residuals of the fit where the model has them."""
    model = estimated.model
    if not isinstance(model, Model) or model.residuals is None or len(model.residuals) != len(history.y):
        return _measured(history, history, estimated, settings)
    yhat = history.y - model.residuals
    scale = naive_error(history.ds, history.y)
    probability = model.settings.interval_width
    if not model.settings.uncertainty_samples:
        return measure(history.y, _clipped(yhat, settings), naive_error=scale)
    # within the history the interval is the noise alone
    sigma = model.parameters.sigma_obs * model.scale.y_scale
    half_width = NormalDist(sigma=sigma).inv_cdf((1 + probability) / 2)
    columns = (_clipped(values, settings) for values in (yhat, yhat - half_width, yhat + half_width))
    return measure(history.y, *columns, naive_error=scale, probability=probability)


def _measured(
    history: Readings, test: Readings, estimated: Estimate, settings: TrainSettings
) -> dict[str, float]:
    arguments = {} if estimated.is_naive else column_arguments(test, settings)
    table = forecast(estimated.model, ForecastOptions(ds=test.ds, **arguments))
    names = [name for name in ("yhat", "yhat_lower", "yhat_upper") if name in table]
    columns = (_clipped(table[name], settings) for name in names)
    model = estimated.model
    return measure(
        test.y,
        *columns,
        naive_error=naive_error(history.ds, history.y),
        probability=model.settings.interval_width if isinstance(model, Model) else None,
    )


def _clipped(values: Vector, settings: TrainSettings) -> Vector:
    return np.maximum(values, 0.0) if settings.non_negative else values
