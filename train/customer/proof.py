"""Proves that an archive can be served: its bytes are read back, and the model forecasts one step."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import numpy as np

from fleetcast.archive import unpack
from fleetcast.errors import ArchiveError, FleetcastError, FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions, Model, SampledModel, forecast, loads
from fleetcast.readings.customer import BOUNDS, Readings
from train.customer.arguments import column_arguments
from train.settings import TrainSettings

MOST_SIGMAS: Final = 1e3
"""No interval is wider than this many standard deviations of the noise."""


class ProofError(FleetcastError, ValueError):
    """A server would refuse the archive, or its forecast is no finite number."""


def prove(packed: bytes, readings: Readings, settings: TrainSettings, *, is_naive: bool) -> None:
    """Raise `ProofError` unless the archive, read with the limits of serving, forecasts a finite next step.

    cap, floor, regressors and conditions of that step are those of the last complete reading.
    """
    try:
        archive = unpack(packed)
        model = loads(archive.model, keep_history=bool(settings.model.get("keep_history")))
        needed = {} if is_naive else _last_values(readings, settings)
        freq = archive.metadata.get("freq") or "D"
        table = forecast(_without_interval(model), ForecastOptions(1, freq, **needed))
    except (ArchiveError, FutureError, ModelFormatError) as error:
        raise ProofError(f"its archive cannot be served: {error}") from error
    for name, values in table.items():
        if name != "ds" and not np.isfinite(values).all():
            raise ProofError(f"its archive cannot be served: the forecast's {name} is not a finite number")


def _without_interval(model: Model | SampledModel) -> Model | SampledModel:
    """Return the model without an interval, which would take most of the time of a short forecast.

    The interval follows from numbers that `loads` has checked; only their product may overflow, which raises
    `ProofError`.
    """
    if not isinstance(model, Model):
        return model
    if not math.isfinite(model.parameters.sigma_obs * model.scale.y_scale * MOST_SIGMAS):
        raise ProofError("its archive cannot be served: its interval is not finite")
    return replace(model, settings=_without_samples(model.settings))


@lru_cache(maxsize=256)
def _without_samples(settings: Any) -> Any:  # noqa: ANN401 -- forecasting's own type
    return replace(settings, uncertainty_samples=0)


def _last_values(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    usable = np.isfinite(readings.y)
    for name in (*settings.columns, *(BOUNDS if settings.is_logistic else ())):
        if name in readings.columns:
            usable &= np.isfinite(readings.columns[name])
    last = np.flatnonzero(usable)
    last = last[[np.argmax(readings.ds[last])]]
    return column_arguments(readings.rows(last), settings)
