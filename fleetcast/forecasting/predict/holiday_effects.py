"""What the holidays of a fitted model add to its forecast, at any time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, datetimes
from fleetcast.forecasting.features import Holidays
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.options import ForecastOptions
from fleetcast.forecasting.predict.point_forecast import known_effects

_ROWS_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class HolidayEffects:
    """The holidays of a model, and their effects."""

    holidays: Holidays
    model: Model
    columns: Mapping[str, Any]
    """One value for all rows of each column that the model needs; the effects of regressors are 0 there."""

    @classmethod
    def of(cls, model: Model, last_row: Mapping[str, ArrayLike]) -> Self | None:
        """Return the effects of a model's holidays; None if it has none.

        `last_row` has `cap` and `floor` of the last reading, where growth is logistic: effects that are
        shares of the trend are those of this capacity.
        """
        holidays = model.layout.holidays
        if holidays is None:
            return None
        columns: dict[str, Any] = {
            name: float(np.ravel(value)[-1]) for name, value in last_row.items() if name in {"cap", "floor"}
        }
        if model.layout.regressors:
            pairs = zip(model.layout.regressors, model.standardizations, strict=True)
            columns["regressors"] = {regressor.name: scale.mu for regressor, scale in pairs}
        if model.layout.conditions:
            columns["conditions"] = dict.fromkeys(model.layout.conditions, True)
        return cls(holidays, model, columns)

    def at(self, times: Stamps) -> Vector:
        """Return the effect at each of the ascending times, shape (N,), in units of y.

        Raises FutureError where the model cannot forecast a time.
        """
        effects = np.empty(times.size)
        for first in range(0, times.size, _ROWS_AT_A_TIME):
            rows = slice(first, first + _ROWS_AT_A_TIME)
            options = ForecastOptions(ds=datetimes(times[rows]), **self.columns)
            effects[rows] = known_effects(self.model, options)
        return effects
