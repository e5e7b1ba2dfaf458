"""How good a customer's model is: on the readings that it was fitted to, and on those held out."""

from statistics import NormalDist
from typing import Final

import numpy as np

from fleetcast.evaluation import Holdout, measure, naive_error
from fleetcast.forecasting import ForecastOptions, Model, forecast
from fleetcast.readings.customer import Readings, Vector
from train.customer.arguments import column_arguments
from train.customer.earlier import EarlierChoice
from train.customer.estimate import NO_NOISE, Estimate, estimate
from train.settings import TrainSettings

_DIGITS: Final = 6


def evaluate(
    readings: Readings, estimated: Estimate, settings: TrainSettings, choice: EarlierChoice
) -> dict[str, dict[str, float]]:
    """Return the metrics by `in_sample` and, with the hyperparameter holdout, by `holdout`.

    A history too short to be split has no `holdout`.  Where methods were compared there are `backtest`,
    the mean absolute scaled error of each method and of the combined forecast, and `members`, the weights.
    """
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    measured = {"in_sample": _in_sample(usable, estimated, settings)}
    if isinstance(estimated.model, Model) and estimated.model.parameters.sigma_obs < NO_NOISE:
        measured["in_sample"].pop("mase", None)  # two readings on a line would be the best score of a fleet
    held_out = settings.holdout.withheld(usable.ds)
    if settings.holdout != Holdout() and 1 < held_out.sum() < len(held_out) - 1:
        before, after = usable.rows(~held_out), usable.rows(held_out)
        fitted_before = estimate(before, settings, choice.before(after.ds[0]))
        measured["holdout"] = _measured(before, after, fitted_before, settings)
    if (together := estimated.combined) is not None:
        measured["backtest"] = {name: round(error, _DIGITS) for name, error in together.errors.items()}
        measured["members"] = {name: round(weight, _DIGITS) for name, weight in together.weights.items()}
    return measured


def _in_sample(history: Readings, estimated: Estimate, settings: TrainSettings) -> dict[str, float]:
    """Return the metrics on the history itself, from the residuals of the fit where the model has them."""
    model = estimated.model
    if not isinstance(model, Model) or model.residuals is None or len(model.residuals) != len(history.y):
        return _measured(history, history, estimated, settings)
    yhat = history.y - model.residuals
    scale = naive_error(history.ds, history.y)
    if not model.settings.uncertainty_samples:
        return measure(history.y, _clipped(yhat, settings), naive_error=scale)
    # within the history the interval is the noise alone
    sigma = model.parameters.sigma_obs * model.scale.y_scale
    half_width = NormalDist(sigma=sigma).inv_cdf((1 + model.settings.interval_width) / 2)
    columns = (_clipped(values, settings) for values in (yhat, yhat - half_width, yhat + half_width))
    return measure(history.y, *columns, naive_error=scale)


def _measured(
    history: Readings, test: Readings, estimated: Estimate, settings: TrainSettings
) -> dict[str, float]:
    arguments = {} if estimated.is_naive else column_arguments(test, settings)
    table = forecast(estimated.model, ForecastOptions(ds=test.ds, **arguments))
    names = [name for name in ("yhat", "yhat_lower", "yhat_upper") if name in table]
    columns = (_clipped(table[name], settings) for name in names)
    return measure(test.y, *columns, naive_error=naive_error(history.ds, history.y))


def _clipped(values: Vector, settings: TrainSettings) -> Vector:
    return np.maximum(values, 0.0) if settings.non_negative else values
