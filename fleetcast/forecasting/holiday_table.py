"""Prophet's table of holidays: dates, names, windows and prior scales."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.calendar import DAY, microseconds

_ACCEPTED = "holidays must have columns ds and holiday (and may have lower_window, upper_window, prior_scale)"


@dataclass(frozen=True, slots=True)
class HolidayTable:
    """The table, one entry for each row; a missing cell is None, and so is a missing column."""

    ds: tuple[int, ...]
    """Microseconds since 1970; the time of day is ignored."""
    holiday: tuple[str, ...]
    lower_window: tuple[float | None, ...] | None = None
    upper_window: tuple[float | None, ...] | None = None
    prior_scale: tuple[float | None, ...] | None = None

    @classmethod
    def of(cls, holidays: Any) -> Self:  # noqa: ANN401 - a mapping of columns, rows, or a data frame
        """Return the table of a mapping of columns, a data frame or a list of rows, or a table itself.

        Raises SettingError, as Prophet does, for missing names, one window without the other, a lower window
        above 0, an upper window below 0, and a prior scale that is not above 0.
        """
        if isinstance(holidays, cls):
            return holidays
        columns = _columns(holidays) if isinstance(holidays, (list, tuple)) else holidays
        if not hasattr(columns, "keys") or "ds" not in columns or "holiday" not in columns:
            raise SettingError(f"{_ACCEPTED}, not {type(holidays).__name__}")
        try:
            ds = (
                tuple(microseconds(np.asarray(columns["ds"]), name="holidays: ds").tolist())
                if len(columns["ds"])
                else ()
            )
        except ValueError as error:
            raise SettingError(str(error)) from error
        table = cls(
            ds,
            _names(columns["holiday"]),
            *(_numbers(columns[name]) if name in columns else None for name in _NUMERIC),
        )
        _check(table)
        return table

    def windows(self) -> Iterable[tuple[int, str, int, int, float | None]]:
        """Yield day since 1970, name, first and last offset in days, and prior scale, row by row.

        As in Prophet, a row without one of the windows has neither.
        """
        nothing: tuple[float | None, ...] = (None,) * len(self.ds)
        lower, upper = self.lower_window or nothing, self.upper_window or nothing
        for stamp, name, low, high, scale in zip(
            self.ds, self.holiday, lower, upper, self.prior_scale or nothing, strict=True
        ):
            first, last = (0, 0) if low is None or high is None else (int(low), int(high))
            yield stamp // DAY, name, first, last, scale

    def joined(self, other: Self) -> Self:
        """Return the rows of both tables."""
        columns = {
            name: _joined(getattr(self, name), getattr(other, name), len(self.ds), len(other.ds))
            for name in _NUMERIC
        }
        return type(self)(self.ds + other.ds, self.holiday + other.holiday, **columns)


_NUMERIC = ("lower_window", "upper_window", "prior_scale")


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of a list of rows; raises SettingError."""
    if not all(isinstance(row, Mapping) for row in rows):
        raise SettingError(f"{_ACCEPTED}, or be a list of such rows")
    names = dict.fromkeys(name for row in rows for name in row) or dict.fromkeys(("ds", "holiday"))
    return {name: [row.get(name) for row in rows] for name in names}


def _names(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of the holidays; raises SettingError for a row without one."""
    names = tuple(values)
    for name in names:
        if not isinstance(name, str):
            raise SettingError(f"holidays: holiday must be a name in every row, not {name!r}")
    return tuple(str(name) for name in names)


def _numbers(values: Iterable[Any]) -> tuple[float | None, ...]:
    """Return the cells of a numeric column, with None for a missing one."""
    cells = (None if value is None else float(value) for value in values)
    return tuple(None if cell is None or math.isnan(cell) else cell for cell in cells)


def _joined(
    first: tuple[float | None, ...] | None,
    second: tuple[float | None, ...] | None,
    first_rows: int,
    second_rows: int,
) -> tuple[float | None, ...] | None:
    """Return one column of two tables; None if neither table has it."""
    if first is None and second is None:
        return None
    return (first or (None,) * first_rows) + (second or (None,) * second_rows)


def _check(table: HolidayTable) -> None:
    """Raise SettingError for windows and prior scales that Prophet refuses."""
    if (table.lower_window is None) != (table.upper_window is None):
        raise SettingError("holidays must have both lower_window and upper_window, or neither")
    if any(cell is not None and cell > 0 for cell in table.lower_window or ()):
        raise SettingError("holidays: lower_window must be 0 or below (days before the holiday)")
    if any(cell is not None and cell < 0 for cell in table.upper_window or ()):
        raise SettingError("holidays: upper_window must be 0 or above (days after the holiday)")
    if any(cell is not None and not 0 < cell < math.inf for cell in table.prior_scale or ()):
        raise SettingError("holidays: prior_scale must be above 0")
