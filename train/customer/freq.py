"""The spacing of a customer's readings, which becomes the default step of forecasts."""

from functools import lru_cache
from typing import Final

import numpy as np

from fleetcast.forecasting import spacing
from fleetcast.readings.customer import Times

READINGS: Final = 200
"""Number of readings, at the end of a history, that decide about even steps."""
MICROSECONDS_OF_A_DAY: Final = 86_400_000_000


def freq_of(ds: Times) -> str | None:
    """Return `spacing(ds)`, from a cache for even steps within the day, which most histories have."""
    last = ds[-READINGS:].astype("datetime64[us]").view(np.int64)
    if last.size == READINGS:
        steps = np.diff(last)
        step = int(steps[0])
        if step > 0 and MICROSECONDS_OF_A_DAY % step == 0 and (steps == step).all() and ds.max() == ds[-1]:
            return _of_even_steps(step)
    return spacing(ds)


@lru_cache(maxsize=256)
def _of_even_steps(step: int) -> str | None:
    return spacing((np.arange(READINGS) * step).astype("datetime64[us]"))
