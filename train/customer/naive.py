"""The seasonal naive forecast, for histories that no engine fits: it repeats the last level or season.

The model has Prophet's form, a trend without slope and a season, so it is served like any other.
"""

from typing import Literal

import numpy as np

from fleetcast.errors import HistoryError
from fleetcast.evaluation import rows_per_season
from fleetcast.forecasting import Model, seasonal_naive
from fleetcast.readings.customer import Readings, Times, Vector


def naive(readings: Readings) -> Model:
    """Return the last daily or weekly season, or the last level, as a model without a trend.

    Its interval comes from the errors that it would have made in the history: the root of the mean square of
    y[i] - y[i - season], or of y[i] - y[i - 1] where every season is the same.  Raises HistoryError where
    there is no reading at all.
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
    with np.errstate(over="ignore"):  # an overflow fails in `prove`
        return float(np.sqrt(np.mean(differences * differences))) if len(differences) else 0.0
