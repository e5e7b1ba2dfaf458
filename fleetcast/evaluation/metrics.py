"""How good a forecast is, by the field's measures; every function takes arrays of shape (rows,)."""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import SettingError
from fleetcast.readings.customer.readings import Times, Vector

DAY = np.timedelta64(1, "D")
DAYS_PER_WEEK = 7
HOUR = np.timedelta64(1, "h")
NOTHING = 1e-100
"""No model has numbers below this: a forecast of 0 by logistic growth comes as 1e-303."""
_UNITS = {"D": DAY, "h": HOUR, "H": HOUR, "W": 7 * DAY, "min": np.timedelta64(1, "m")}


@dataclass(frozen=True, slots=True)
class Holdout:
    """What is kept back of a history to measure a forecast with: the last `rows`, or the last `span`."""

    rows: int = 0
    span: np.timedelta64 | None = None

    @classmethod
    def parse(cls, text: str) -> "Holdout":
        """Read `7D`, `48h`, `2W`, `90min` or a count of rows; empty is none."""
        found = re.fullmatch(r"(\d{1,9})(D|h|H|W|min)?", text.strip()) if text else None
        if text and found is None:
            raise SettingError(f"holdout must look like 7D, 48h, 2W, 90min or 100 (rows), not {text!r}")
        if found is None:
            return cls()
        number, unit = int(found[1]), found[2]
        return cls(span=number * _UNITS[unit]) if unit else cls(rows=number)

    def __str__(self) -> str:
        return str(self.rows) if self.span is None else str(self.span)

    def kept_back(self, ds: Times) -> NDArray[np.bool_]:
        """Return which rows of the ascending times `ds` are kept back, shape (rows,)."""
        if self.span is not None:
            return np.asarray(ds > ds[-1] - self.span)
        return np.arange(len(ds)) >= len(ds) - self.rows


def metrics(
    y: Vector, yhat: Vector, lower: Vector | None = None, upper: Vector | None = None, *, scale: float
) -> dict[str, float]:
    """Return mae, rmse, smape (percent), coverage (share within the interval) and mase (mae / `scale`).

    What cannot be measured is left out: coverage without an interval, mase where the history has no errors
    to compare with, and whatever is beyond the range of numbers.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(y - yhat)
        size = np.abs(y) + np.abs(yhat)
        mae = float(error.mean())
        found = {
            "mae": mae,
            "rmse": float(np.sqrt(np.mean(error * error))),
            "smape": float(
                200 * np.mean(np.divide(error, size, out=np.zeros_like(error), where=size > NOTHING))
            ),
        }
        if lower is not None and upper is not None:
            found["coverage"] = float(np.mean((lower <= y) & (y <= upper)))
        if scale > 0:
            found["mase"] = mae / scale
    return {name: value for name, value in found.items() if math.isfinite(value)}


def naive_error(ds: Times, y: Vector) -> float:
    """Return the mean absolute error of the seasonal naive forecast of a history: what mase is measured in.

    The season is a day for readings within the day at even spacing, seven for daily ones; where the spacing
    is uneven or the history too short it is one row.
    """
    length = season(ds)
    return float(np.abs(y[length:] - y[:-length]).mean()) if len(y) > length else 0.0


def season(ds: Times) -> int:
    """Return how many rows of the ascending times `ds` make a season; 1 where there is none to be seen."""
    spacing = np.diff(ds)
    if not len(spacing) or spacing[0] <= np.timedelta64(0) or (spacing != spacing[0]).any():
        return 1
    within_the_day = spacing[0] < DAY and DAY % spacing[0] == np.timedelta64(0)
    length = DAYS_PER_WEEK if spacing[0] == DAY else int(DAY // spacing[0]) if within_the_day else 1
    return length if len(ds) > 2 * length else 1
