"""The seasonal naive forecast, for histories that no engine fits: the last level or season goes on.

It is written in Prophet's own terms, a trend without slope and a season, so that it is served like any model.
"""

from typing import Literal

import numpy as np

from fleetcast.errors import HistoryError
from fleetcast.evaluation import rows_per_season
from fleetcast.forecasting import Model, seasonal_naive
from fleetcast.readings.customer import Readings, Times, Vector


def naive(readings: Readings) -> Model:
    """Return the last daily or weekly season, or the last level, as a model without a trend.

    Its interval is that of the errors it would have made: the root of the mean square of y[i] - y[i - season]
    over the whole history, or of y[i] - y[i - 1] where each season repeats the one before.  Raises
    HistoryError where there is no reading at all.
    """
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    if not len(usable.y):
        raise HistoryError("no reading is a number")
    rows = rows_per_season(usable.ds)
    sigma = _error(usable.y, rows) or _error(usable.y, 1)
    return seasonal_naive(usable.ds, usable.y, sigma=sigma, season=_kind(usable.ds, rows), rows=rows)


def _kind(ds: Times, rows: int) -> Literal["weekly", "daily"] | None:
    if rows == 1:
        return None
    return "weekly" if ds[1] - ds[0] == np.timedelta64(1, "D") else "daily"


def _error(y: Vector, rows: int) -> float:
    differences = y[rows:] - y[:-rows]
    with np.errstate(over="ignore"):  # what is beyond the range of numbers fails when the archive is proved
        return float(np.sqrt(np.mean(differences * differences))) if len(differences) else 0.0
