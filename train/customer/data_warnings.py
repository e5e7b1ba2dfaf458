"""What a reader of a customer's forecasts should know about the data, as sentences by kind."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from fleetcast.forecasting import Model, unseen_slots
from fleetcast.readings.customer import Readings
from train.customer.arguments import column_arguments
from train.customer.combine import AS_ALL, AS_FLEET, PROPHET_ALONE
from train.customer.estimate import NO_NOISE, AnyModel, Estimate
from train.settings import TrainSettings

_FLOOR: Final = (
    "terms multiply a trend that has a floor: Prophet itself forecasts this model.json otherwise, as it "
    "multiplies the floor too, which the fit does not"
)
_NO_NOISE: Final = "the model explains the readings without noise: its interval has no width"
ALONE: Final = "no backtest, Prophet's model alone"
OF_FLEET: Final = "no backtest, methods of the fleet"
OF_ALL: Final = "no backtest, model of all customers"
NO_BACKTEST: Final = {ALONE: PROPHET_ALONE, OF_FLEET: AS_FLEET, OF_ALL: AS_ALL}
"""The sentences about customers without backtests, by kind."""


def data_warnings(
    readings: Readings, estimated: Estimate, settings: TrainSettings, freq: str | None
) -> dict[str, tuple[str, ...]]:
    """Return the warnings that apply; `freq` is the spacing of the readings."""
    warnings = {"rows left out" if readings.dropped_rows else "readings": readings.notes}
    if settings.is_logistic:
        warnings["beyond cap or floor"] = tuple(_beyond_bounds(readings, settings))
    if settings.methods.combine is not None and not estimated.is_naive and estimated.combined is None:
        kind = _forecaster(estimated.model, settings)
        warnings[kind] = (NO_BACKTEST[kind],)
    if not estimated.is_naive and isinstance(estimated.model, Model):
        warnings |= _of_the_model(readings, estimated.model, settings, freq)
    return {kind: sentences for kind, sentences in warnings.items() if sentences}


def _forecaster(model: AnyModel, settings: TrainSettings) -> str:
    """Return the kind of the warning about a customer without backtests, which says what forecasts it."""
    if not isinstance(model, Model) or model.combination is None:
        return ALONE
    of_all, layout = settings.methods.global_models, model.layout
    has_effects = layout.holidays is not None or bool(layout.regressors)
    is_of_all = of_all is not None and of_all.freq == model.combination.freq and not has_effects
    return OF_ALL if is_of_all else OF_FLEET


def _of_the_model(
    readings: Readings, model: Model, settings: TrainSettings, freq: str | None
) -> dict[str, tuple[str, ...]]:
    finite = np.isfinite(readings.y)
    usable = readings if finite.all() else readings.rows(finite)
    conditions = column_arguments(usable, settings).get("conditions") if settings.columns else None
    warnings = {"unseen slots": tuple(unseen_slots(model, usable.ds, freq=freq, conditions=conditions))}
    has_floor = model.settings.scaling == "minmax" or model.scale.logistic_floor
    if model.layout.multiplicative.any() and has_floor:
        warnings["a floor"] = (_FLOOR,)
    if model.parameters.sigma_obs < NO_NOISE:
        warnings["no noise"] = (_NO_NOISE,)
    return warnings


def _beyond_bounds(readings: Readings, settings: TrainSettings) -> Iterator[str]:
    cap, floor = (readings.columns.get(name, settings.bounds.get(name, 0.0)) for name in ("cap", "floor"))
    # a missing reading is on neither side
    above, below = int(np.sum(readings.y > cap)), int(np.sum(readings.y < floor))
    if above or below:
        yield (
            f"of {len(readings.y)} readings {above} are above cap and {below} below floor, "
            "where no trend goes"
        )
