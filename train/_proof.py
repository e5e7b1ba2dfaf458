"""The proof that an archive can be served: its own bytes are read back, and it forecasts one step."""

from typing import Any

import numpy as np

from archive import ArchiveError, unpack
from forecasting import FutureError, ModelFormatError, loads
from train._fit import arguments_of
from train._readings import BOUNDS, Readings
from train._settings import TrainSettings


class ProofError(ValueError):
    """An archive that a server would refuse, or whose forecast is no number."""


def prove(packed: bytes, readings: Readings, settings: TrainSettings, *, is_naive: bool) -> None:
    """Raise `ProofError` unless the archive forecasts a finite next step, read with the limits of serving.

    What the model needs of the future (cap, floor, regressors, conditions) has its last value.
    """
    try:
        archive = unpack(packed)
        model = loads(archive.model, keep_history=bool(settings.model.get("keep_history")))
        needed = {} if is_naive else _last_values(readings, settings)
        freq = archive.metadata.get("freq") or "D"
        forecast = model.predict(1, freq, non_negative=settings.non_negative, **needed)
    except (ArchiveError, FutureError, ModelFormatError) as error:
        raise ProofError(f"its archive cannot be served: {error}") from error
    for name, values in forecast.items():
        if name != "ds" and not np.isfinite(values).all():
            raise ProofError(f"its archive cannot be served: the forecast's {name} is not a finite number")


def _last_values(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    usable = np.isfinite(readings.y)
    for name in (*settings.columns, *(BOUNDS if settings.is_logistic else ())):
        if name in readings.columns:
            usable &= np.isfinite(readings.columns[name])
    last = np.flatnonzero(usable)
    last = last[[np.argmax(readings.ds[last])]]
    return arguments_of(readings.rows(last), settings)
