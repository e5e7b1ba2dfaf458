"""A customer's readings: what is usable of them, in time order, and how they are scaled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError
from fleetcast.forecasting.arrays import Flags, Vector
from fleetcast.forecasting.calendar import Stamps, least_step, microseconds
from fleetcast.forecasting.features import NO_NUMBERS, condition_columns, numeric_columns
from fleetcast.forecasting.limits import LARGEST, SMALLEST
from fleetcast.forecasting.options import RowColumns
from fleetcast.forecasting.settings import Settings

LEAST_ROWS = 2
"""Fewest rows with a reading, as in Prophet."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The N rows with a reading, ascending in time; arrays are of shape (N,) unless stated otherwise."""

    ds: Stamps
    y: Vector
    dates: Stamps
    """Every timestamp once, ascending, including those of rows without a reading."""
    cap: Vector | None
    """In units of y; logistic growth only."""
    floor: Vector | None
    """In units of y; logistic growth with a floor for each row only."""
    regressors: Mapping[str, Vector]
    """In their own units, not standardized."""
    conditions: Mapping[str, Flags]


@dataclass(frozen=True, slots=True)
class Scale:
    """How time and readings are scaled: t = (ds − start) / t_scale, y_scaled = (y − floor) / y_scale."""

    start: int
    """Microseconds since 1970."""
    t_scale: int
    """The span of the history in microseconds."""
    y_scale: float
    """In units of y."""
    y_min: float
    """In units of y: the floor with scaling='minmax'."""
    logistic_floor: bool
    """Whether each row has its own floor."""

    def t(self, ds: Stamps) -> Vector:
        """Return the scaled time of timestamps: 0 at the first reading, 1 at the last."""
        return (ds - self.start) / self.t_scale


def read_history(  # noqa: PLR0913 - the readings, and the columns that the model uses
    ds: ArrayLike,
    y: ArrayLike,
    columns: RowColumns,
    *,
    settings: Settings,
    regressor_names: Sequence[str] = (),
    condition_names: Sequence[str] = (),
) -> History:
    """Return the rows with a reading, ascending in time.

    Rows whose y is NaN are left out, but their timestamps are among `dates`.  Timestamps may be equal.
    Raises HistoryError, as Prophet does, for timestamps, readings or columns that it cannot use.
    """
    try:
        stamps = microseconds(ds)
        readings = np.asarray(y)
        if readings.dtype.kind in NO_NUMBERS:
            raise HistoryError(f"y must hold numbers, not {readings.dtype} values")
        readings = np.array(readings, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise HistoryError(str(error)) from error
    if readings.shape != stamps.shape:
        raise HistoryError(
            f"y must have one value for each of {stamps.size} timestamps, not shape {readings.shape}"
        )
    usable = _usable(readings)
    dates = stamps
    if usable is not None:
        stamps, readings = stamps[usable], readings[usable]
    if stamps.size < LEAST_ROWS:
        raise HistoryError(f"a history needs at least {LEAST_ROWS} rows with a reading, not {stamps.size}")
    rows = dates.size
    try:
        numbers = numeric_columns(regressor_names, columns.regressors, rows=rows, usable=usable)
        flags = condition_columns(condition_names, columns.conditions, rows=rows, usable=usable)
        bounds = _bounds(settings, columns, rows=rows, usable=usable)
    except (ValueError, TypeError, OverflowError) as error:
        raise HistoryError(str(error)) from error
    return _in_time_order(History(stamps, readings, dates, *bounds, numbers, flags))


def _usable(y: Vector) -> Flags | None:
    """Return which rows have a reading, shape (N,), or None if all have one; raises HistoryError."""
    if (np.abs(y) <= LARGEST).all():
        return None
    if np.isinf(y).any():
        raise HistoryError("y has infinite values; each must be a finite number or NaN (no reading)")
    if (np.abs(y) > LARGEST).any():
        raise HistoryError(f"y has values beyond {LARGEST}; count in a larger unit")
    return ~np.isnan(y)


def _bounds(
    settings: Settings, columns: RowColumns, *, rows: int, usable: Flags | None
) -> tuple[Vector | None, Vector | None]:
    """Return cap and floor of the usable rows; None unless growth is logistic.  Raises ValueError."""
    if settings.growth != "logistic":
        return None, None
    if columns.cap is None:
        raise HistoryError("logistic growth needs cap, the capacity at each row")
    return cap_and_floor(columns.cap, columns.floor, rows=rows, usable=usable)


def cap_and_floor(
    cap: ArrayLike, floor: ArrayLike | None, *, rows: int, usable: Flags | None = None
) -> tuple[Vector, Vector | None]:
    """Return cap and floor of logistic growth for the usable rows; raises ValueError for wrong ones.

    `cap` and `floor` are one value for all `rows`, or one for each; `usable`, shape (rows,), selects rows.
    """
    bounds = {"cap": cap} if floor is None else {"cap": cap, "floor": floor}
    columns = {}
    for name, values in bounds.items():
        column = np.asarray(values, dtype=np.float64)
        if column.shape not in ((), (rows,)):
            raise ValueError(
                f"{name} must be one value or one for each of the {rows} rows, not of shape {column.shape}"
            )
        column = np.broadcast_to(column, (rows,))
        columns[name] = column if usable is None else column[usable]
        if not (np.abs(columns[name]) <= LARGEST).all():
            raise ValueError(f"{name} must be a finite number in every row, at most {LARGEST} in size")
    return columns["cap"], columns.get("floor")


def _in_time_order(rows: History) -> History:
    """Return the rows sorted by time; rows with equal timestamps keep their order."""
    if least_step(rows.dates) > 0:
        return rows
    index = np.argsort(rows.ds, kind="stable")
    return History(
        ds=rows.ds[index],
        y=rows.y[index],
        dates=np.unique(rows.dates),
        cap=None if rows.cap is None else rows.cap[index],
        floor=None if rows.floor is None else rows.floor[index],
        regressors={name: values[index] for name, values in rows.regressors.items()},
        conditions={name: values[index] for name, values in rows.conditions.items()},
    )


def scale_of(rows: History, settings: Settings) -> Scale:
    """Return the scaling of a history; raises HistoryError if it cannot be scaled, or if cap ≤ floor."""
    start, last = int(rows.ds[0]), int(rows.ds[-1])
    if start == last:
        raise HistoryError("all timestamps are equal; a history needs at least two different ones")
    y_min, y_scale = _y_scaling(rows, settings)
    if 0 < y_scale < SMALLEST:
        raise HistoryError(f"y differs by less than {SMALLEST}; count in a smaller unit")
    scale = Scale(start, last - start, y_scale or 1.0, y_min, logistic_floor=rows.floor is not None)
    if rows.cap is not None and (rows.cap <= floor_column(scale, settings, rows.floor)).any():
        raise HistoryError("cap must be greater than floor (which defaults to 0) in every row")
    return scale


def _y_scaling(rows: History, settings: Settings) -> tuple[float, float]:
    """Return y_min and y_scale, as Prophet computes them."""
    y, floor = rows.y, rows.floor
    if floor is not None and rows.cap is not None:
        if settings.scaling == "minmax":
            lowest = float(floor.min())
            return lowest, float(rows.cap.max() - lowest)
        above = np.abs(y - floor)
        return float(above.min()), float(above.max())
    low, high = float(y.min()), float(y.max())
    return (low, high - low) if settings.scaling == "minmax" else (0.0, max(-low, high))


def floor_column(scale: Scale, settings: Settings, floor: Vector | None) -> Vector | float:
    """Return the floor that Prophet uses, in units of y: each row's own, or else y_min or 0 for all rows."""
    if floor is not None:
        return floor
    return scale.y_min if settings.scaling == "minmax" else 0.0
