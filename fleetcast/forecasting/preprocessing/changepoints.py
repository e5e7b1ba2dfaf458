"""The times at which the trend may change its slope."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fleetcast.errors import HistoryError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.preprocessing.history import History, Scale
from fleetcast.forecasting.settings import Settings


def place_changepoints(rows: History, scale: Scale, settings: Settings) -> tuple[Settings, Vector]:
    """Return the settings with the number of changepoints, and their scaled times, ascending, shape (S,).

    They are the dates `settings.changepoints`, or else n_changepoints rows at even distances in the first
    changepoint_range of the history, fewer if it is short.  A model without changepoints has one at t = 0, as
    in Prophet; its delta is added to k after the fit.

    Raises HistoryError for dates outside the history.
    """
    if settings.changepoints is not None:
        return settings, _at_dates(rows, scale, settings.changepoints)
    rows_in_range = int(np.floor(rows.ds.size * settings.changepoint_range))
    number = settings.n_changepoints
    if number + 1 > rows_in_range:
        number = rows_in_range - 1
        settings = replace(settings, n_changepoints=number)
    if number <= 0:
        return settings, np.zeros(1)
    return settings, scale.t(rows.ds[_spread(rows_in_range, number)])


def without_changepoints(settings: Settings) -> bool:
    """Return whether the model's only changepoint is the one at t = 0 that replaces none."""
    return settings.n_changepoints <= 0


def _at_dates(rows: History, scale: Scale, dates: ArrayLike) -> Vector:
    """Return the scaled times of dates in microseconds since 1970."""
    stamps = np.sort(np.array(dates, dtype=np.int64))
    if not stamps.size:
        return np.zeros(1)
    if stamps[0] < rows.ds[0] or stamps[-1] > rows.ds[-1]:
        raise HistoryError("changepoints must lie within the history, from its first to its last timestamp")
    return scale.t(stamps)


@lru_cache(maxsize=1024)
def _spread(rows_in_range: int, number: int) -> NDArray[np.int64]:
    """Return the rows of changepoints at even distances, read-only as calls share it."""
    index = np.linspace(0, rows_in_range - 1, number + 1).round().astype(np.int64)[1:]
    index.flags.writeable = False
    return index
