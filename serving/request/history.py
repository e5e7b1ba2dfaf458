"""A record's own readings, from which the global model of a fleet forecasts.

A customer's model has learned its readings already; the global model needs them in each request.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from fleetcast.archive import GLOBAL_NAME
from fleetcast.forecasting import Model, SampledModel
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, microseconds
from fleetcast.global_model import GlobalModel
from serving.errors import RequestError
from serving.models import Forecaster
from serving.request.schema import Request, times

_NEEDED: Final = (
    'the global model forecasts from the readings in a request: add "history": {"ds": ["2025-01-01", ...], '
    '"y": [1.5, ...]}, in JSON or JSON Lines'
)
_REFUSED: Final = (
    "history is for the global model, and this customer's model has learned its readings already: leave "
    f'history out, or request the model "{GLOBAL_NAME}"'
)


@dataclass(frozen=True, slots=True, eq=False)
class ModelWithReadings:
    """The global model, and the N readings of one customer that it forecasts from."""

    model: GlobalModel
    ds: Stamps
    """Times in microseconds since 1970, in any order, shape (N,)."""
    y: Vector
    """Readings, NaN where they are missing, shape (N,)."""


AnyModel: TypeAlias = Model | SampledModel | ModelWithReadings
"""What can forecast a record."""


def model_of_record(request: Request, forecaster: Forecaster) -> AnyModel:
    """Return the customer's model, or the global model with the record's readings.

    Raises `RequestError` if a record for the global model has no history, or another one has.
    """
    model, history = forecaster.model, request.history
    if not isinstance(model, GlobalModel):
        if history is not None:
            raise RequestError(_REFUSED)
        return model
    if history is None:
        raise RequestError(_NEEDED)
    ds = microseconds(times(history.ds, field="history.ds"))
    return ModelWithReadings(model, ds, np.array(history.y, np.float64))  # null becomes NaN
