"""The seasonal naive forecast as a Prophet model: the last season, or the last level, repeats without end."""

from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.forecasting.calendar import DAY, datetimes, microseconds
from fleetcast.forecasting.fitting import SIGMA_OF_CONSTANT, fitted_model
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import estimation_problem, prepare

Season: TypeAlias = Literal["weekly", "daily"]

MOST_ORDER: Final = 12
"""Most Fourier terms of the season: exact for 24 readings a day, a smooth curve for more."""
LEAST_READINGS: Final = 200
"""Fewest last readings that the model is made from; their spacing becomes the forecast's."""


@ONE_THREAD
def seasonal_naive(ds: ArrayLike, y: ArrayLike, *, sigma: float, season: Season | None, rows: int) -> Model:
    """Return a model that repeats the last `rows` readings, which are one season, without end.

    If `season` is None, it repeats the last reading.  `ds` and `y`, shape (N,), ascend in time without
    missing readings; `sigma` is the standard deviation of the forecast's errors, in units of y.  The
    season's Fourier terms are fitted by least squares.
    """
    tail = slice(-max(rows, LEAST_READINGS), None)
    stamps, values = microseconds(ds)[tail], np.asarray(y, dtype=np.float64)[tail]
    if season is None:
        values = np.full(stamps.size, values[-1])
    if stamps[0] == stamps[-1]:
        stamps, values = stamps[-1] - DAY * np.array([1, 0]), values[[-1, -1]]
    order = min(max(rows // 2, 1), MOST_ORDER)
    options = FitOptions(
        growth="flat",
        n_changepoints=0,
        yearly_seasonality=False,
        weekly_seasonality=season == "weekly" and order,
        daily_seasonality=season == "daily" and order,
    )
    prepared = prepare(datetimes(stamps), values, RowColumns(), options)
    estimation = estimation_problem(prepared)
    last = slice(-rows if season is not None else None, None)
    design = np.delete(estimation.design, [0, 2], axis=0)[:, last]  # neither slope nor changepoint
    theta = np.asarray(np.linalg.lstsq(design.T, estimation.y[last], rcond=None)[0], dtype=np.float64)
    scaled = max(sigma / prepared.scale.y_scale, SIGMA_OF_CONSTANT)
    parameters = Parameters(0.0, float(theta[0]), np.zeros(1), theta[1:], scaled)
    return fitted_model(prepared, parameters)
