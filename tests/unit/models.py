"""Small models and their archives, for tests of serving."""

from functools import lru_cache

import numpy as np

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import Model, dumps
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(30) * np.timedelta64(1, "D")


@lru_cache
def model_text(level: float = 100.0) -> str:
    """Return the text of a model whose forecast is `level`, nearly."""
    model = fit_with(DAYS, level + 0.01 * np.sin(np.arange(30.0)), growth="flat", weekly_seasonality=False)
    assert isinstance(model, Model)
    return dumps(model)


@lru_cache
def packed_model(level: float = 100.0) -> bytes:
    """Return the archive of such a model."""
    return pack(Archive(model_text(level), {}))
