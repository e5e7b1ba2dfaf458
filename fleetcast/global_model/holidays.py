"""What a global model knows of holidays: whether a step, or a reading that it looks back to, falls on one.

A holiday that trees have a feature for has the number 1 on its day, 2 on the day after, -1 on the day before,
and so on within its window; all other days have 0.  Other holidays count among all of them only.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Self

import msgspec
import numpy as np
from msgspec import Meta

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import DAY, Stamps, iso
from fleetcast.forecasting.features import Holidays

OF_ALL_HOLIDAYS: Final = ("holiday", "holiday_days_1", "holiday_weeks_1")
"""Features: whether the step, and the readings whole short and long cycles before it, fall on any holiday, 1
or 0."""
_PREFIX: Final = "holiday:"
_MOST_NAME: Final = 92
"""Most characters of the name of a holiday with a feature of its own."""
_MOST_DAYS: Final = 100_000
_EARLIEST: Final = -1_000_000

_Day = Annotated[int, Meta(ge=-1_000_000, le=3_000_000)]


def holiday_features(names: Iterable[str]) -> tuple[str, ...]:
    """Return the features of holidays with these names, behind those of all holidays."""
    return (*OF_ALL_HOLIDAYS, *(_PREFIX + name for name in names if len(name) <= _MOST_NAME))


def are_of_holidays(features: Sequence[str]) -> bool:
    """Return whether these can be the last features of trees: none, or those of holidays."""
    first, rest = tuple(features[: len(OF_ALL_HOLIDAYS)]), features[len(OF_ALL_HOLIDAYS) :]
    return not features or (first == OF_ALL_HOLIDAYS and all(name.startswith(_PREFIX) for name in rest))


def holiday_columns(
    holidays: Holidays | None, features: Sequence[str], times: Stamps, day: Stamps, week: Stamps
) -> dict[str, Matrix]:
    """Return the named features of steps, each of shape (P, K); all are 0 without holidays.

    `times`, and the times `day` and `week` of the readings that they are compared with, are in microseconds
    since 1970 and of shape (P, K).
    """
    if not features:
        return {}
    of_steps = columns_of_steps(holidays, features, times)
    lags = zip(OF_ALL_HOLIDAYS[1:], (day, week), strict=True)
    return of_steps | {name: _are_holidays(holidays, at) for name, at in lags}


def columns_of_steps(holidays: Holidays | None, features: Sequence[str], times: Stamps) -> dict[str, Matrix]:
    """Return those of the features that depend on the times of steps alone, of the shape of `times`."""
    columns = {name: np.zeros(times.shape) for name in features if name not in OF_ALL_HOLIDAYS[1:]}
    if holidays is None or not features:
        return columns
    days, place = np.unique(times // DAY, return_inverse=True)
    flags = holidays.features(days * DAY)
    codes: dict[str, Vector] = {OF_ALL_HOLIDAYS[0]: np.asarray(flags.any(axis=1), np.float64)}
    codes |= _codes(holidays, flags)
    return columns | {name: codes[name][place.reshape(times.shape)] for name in columns if name in codes}


def _are_holidays(holidays: Holidays | None, times: Stamps) -> Matrix:
    return columns_of_steps(holidays, OF_ALL_HOLIDAYS[:1], times)[OF_ALL_HOLIDAYS[0]]


def _codes(holidays: Holidays, flags: Matrix) -> dict[str, Vector]:
    """Return the number of each day, shape (D,), by feature; `flags` are the holidays' columns there."""
    codes: dict[str, Vector] = {}
    windows = [(abs(_offset(column)), column, i) for i, column in enumerate(holidays.columns)]
    for _, column, i in sorted(windows, reverse=True):  # of two windows the nearer holiday counts
        offset = _offset(column)
        feature = _PREFIX + column.rpartition("_delim_")[0]
        before = codes.setdefault(feature, np.zeros(len(flags)))
        codes[feature] = np.where(flags[:, i] > 0, offset + 1 if offset >= 0 else offset, before)
    return codes


def _offset(column: str) -> int:
    return int(column.rpartition("_delim_")[2])


class StoredHolidays(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The days of holidays, for forecasts from a history in a request; none by default."""

    columns: Annotated[tuple[str, ...], Meta(max_length=_MOST_DAYS)] = ()
    """Prophet's names of columns: `name_delim_+1` is the day after."""
    days: Annotated[tuple[_Day, ...], Meta(max_length=_MOST_DAYS)] = ()
    """In days since 1970, ascending."""
    positions: Annotated[tuple[int, ...], Meta(max_length=_MOST_DAYS)] = ()
    """The column of each day."""
    first: _Day | None = None
    """First day since 1970 whose holidays are known; None where the table has all that count."""
    last: _Day | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if these are no days of these columns."""
        if not all(map(_is_column, self.columns)) or len(self.days) != len(self.positions):
            raise ValueError("holidays must have a column for each day, with the days from the holiday")
        days, positions = np.array(self.days, np.int64), np.array(self.positions, np.int64)
        if days.size and not (
            (np.diff(days) >= 0).all() and positions.min() >= 0 and positions.max() < len(self.columns)
        ):
            raise ValueError("days of holidays must ascend, each with one of the columns")

    @classmethod
    def of(cls, holidays: Holidays) -> Self:
        """Return the days of a fit's holidays; of too many, the latest ones."""
        first = last = None
        if holidays.country is not None:
            years = holidays.resolved_years
            first, last = (_first_day(year) for year in (years.start, years.stop))
        if holidays.days.size > _MOST_DAYS:
            first = max(first or _EARLIEST, int(holidays.days[-_MOST_DAYS]) + 1)
        return cls(
            columns=holidays.columns,
            days=tuple(holidays.days[-_MOST_DAYS:].tolist()),
            positions=tuple(holidays.positions[-_MOST_DAYS:].tolist()),
            first=first,
            last=None if last is None else last - 1,
        )

    @property
    def memory_bytes(self) -> int:
        """Memory of the days: two whole numbers and two references each."""
        return 72 * len(self.days)

    def holidays(self) -> Holidays:
        """Return the holidays with these days."""
        return Holidays(
            table=None,
            country=None,
            resolved={},
            resolved_years=range(0),
            prior_scale=1.0,
            names=tuple(dict.fromkeys(column.rpartition("_delim_")[0] for column in self.columns)),
            columns=self.columns,
            prior_scales=(1.0,) * len(self.columns),
            days=np.array(self.days, np.int64),
            positions=np.array(self.positions, np.int64),
        )

    def check(self, times: Stamps) -> None:
        """Raise FutureError for a time, in microseconds since 1970, whose holidays are not known."""
        day = times // DAY
        if (self.first is not None and day.min() < self.first) or (
            self.last is not None and day.max() > self.last
        ):
            bounds = (
                f"{word} {iso(np.array([bound * DAY]))[0][:10]}"
                for word, bound in (("from", self.first), ("to", self.last))
                if bound is not None
            )
            raise FutureError(
                f"the global model knows the holidays {' '.join(bounds)}; request other times, or train it "
                "again"
            )


def _is_column(column: str) -> bool:
    name, _, _ = column.rpartition("_delim_")
    try:
        return name != "" and abs(_offset(column)) <= _MOST_DAYS
    except ValueError:
        return False


def _first_day(year: int) -> int:
    return int(np.datetime64(f"{year}-01-01", "D").astype(np.int64))
