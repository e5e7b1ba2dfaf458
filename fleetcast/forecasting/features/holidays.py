"""The features of holidays: a 0/1 column for each holiday and each day of its window."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fleetcast.errors import FutureError, SettingError
from fleetcast.forecasting.arrays import Matrix
from fleetcast.forecasting.calendar import DAY, Stamps, years
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.reserved_names import check_name
from fleetcast.forecasting.holiday_table import HolidayTable

RESOLVED_AHEAD = 10
"""Years after the history for which a fitted model has the dates of its country's holidays."""
MOST_YEARS = 100
"""Longest span of a forecast with a country's holidays: computing a year's takes a millisecond."""


@dataclass(frozen=True, slots=True, eq=False)
class Holidays:
    """The holidays of a model, and the features that they make up."""

    table: HolidayTable | None
    country: str | None
    resolved: dict[str, tuple[int, ...]]
    """The country's holidays as days since 1970, for `resolved_years`."""
    resolved_years: range
    """The years for which the country's dates are computed."""
    prior_scale: float
    """Prior scale of the holidays that have none of their own."""
    names: tuple[str, ...]
    """Names of the holidays of the fit, in Prophet's order."""
    columns: tuple[str, ...]
    """Prophet's column names, sorted: `name_delim_+1` is the day after."""
    prior_scales: tuple[float, ...]
    """One for each column."""
    days: Stamps
    """The days with a holiday, in days since 1970, ascending; a day is there once for each of its columns."""
    positions: Stamps
    """The column that is 1 on each of these days."""

    def features(self, ds: Stamps) -> Matrix:
        """Return the 0/1 columns of timestamps, shape (N, columns); the time of day is ignored."""
        day = ds // DAY
        holidays = self._for_days(day)
        features = np.zeros((day.size, len(self.columns)))
        first, last = np.searchsorted(holidays.days, day), np.searchsorted(holidays.days, day, side="right")
        for row in np.flatnonzero(last > first):
            features[row, holidays.positions[first[row] : last[row]]] = 1.0
        return features

    def _for_days(self, day: Stamps) -> "Holidays":
        """Return the holidays with the country's dates in the years of these days; raises FutureError."""
        if self.country is None or not day.size:
            return self
        first, last = map(int, years(np.array([day.min(), day.max()]) * DAY))
        if first in self.resolved_years and last in self.resolved_years:
            return self
        if last - first > MOST_YEARS:
            raise FutureError(f"with the holidays of a country a forecast spans at most {MOST_YEARS} years")
        try:
            return _with_years(self, first, last)
        except SettingError as error:
            raise FutureError(str(error)) from error


@lru_cache(maxsize=256)
def history_holidays(
    table: HolidayTable | None, country: str | None, first_year: int, last_year: int, prior_scale: float
) -> Holidays | None:
    """Return the holidays of a history that spans these years, or None if there are none.

    As in Prophet, a holiday of the table has a column even when no date lies in the history; one of the
    country only when a date lies in one of the history's years.  Raises SettingError.
    """
    resolved: dict[str, tuple[int, ...]] = {}
    in_history: dict[str, tuple[int, ...]] = {}
    ahead = range(first_year, last_year + RESOLVED_AHEAD + 1)
    if country is not None:
        in_history = country_holidays(country, range(first_year, last_year + 1))
        resolved = {
            name: days for name, days in country_holidays(country, ahead).items() if name in in_history
        }
    names = tuple(dict.fromkeys((*(table.holiday if table else ()), *in_history)))
    if not names:
        return None
    for name in table.holiday if table else ():
        check_name(name, kind="holiday")
    return build_holidays(table, country, resolved, ahead, names=names, prior_scale=prior_scale)


def build_holidays(  # noqa: PLR0913 - what a fit and a text have of holidays
    table: HolidayTable | None,
    country: str | None,
    resolved: dict[str, tuple[int, ...]],
    resolved_years: range,
    *,
    names: tuple[str, ...],
    prior_scale: float,
) -> Holidays:
    """Return the holidays with these names from a table and from a country's days since 1970.

    Raises SettingError if one holiday has two prior scales.
    """
    flagged: dict[str, set[int]] = {}
    scales: dict[str, float] = {}
    for day, name, first, last, scale in table.windows() if table else ():
        own = prior_scale if scale is None else scale
        if scales.setdefault(name, own) != own:
            raise SettingError(f"holidays: prior_scale of {name!r} must be the same in every row")
        for offset in range(first, last + 1):
            flagged.setdefault(_column(name, offset), set()).add(day + offset)
    for name in names:
        days = resolved.get(name, ())
        if days and scales.get(name, prior_scale) != prior_scale:
            raise SettingError(f"holidays: prior_scale of {name!r} must be left out, as {country} has it too")
        scales.setdefault(name, prior_scale)
        flagged.setdefault(_column(name, 0), set()).update(days)
    columns = tuple(sorted(flagged))
    pairs = np.array(
        sorted((day, position) for position, column in enumerate(columns) for day in flagged[column]),
        dtype=np.int64,
    ).reshape(-1, 2)
    return Holidays(
        table=table,
        country=country,
        resolved=resolved,
        resolved_years=resolved_years,
        prior_scale=prior_scale,
        names=names,
        columns=columns,
        prior_scales=tuple(scales[column.split("_delim_")[0]] for column in columns),
        days=np.ascontiguousarray(pairs[:, 0]),
        positions=np.ascontiguousarray(pairs[:, 1]),
    )


def _column(name: str, offset: int) -> str:
    """Return Prophet's name of the column for one day of a holiday's window."""
    return f"{name}_delim_{'+' if offset >= 0 else '-'}{abs(offset)}"


@lru_cache(maxsize=256)
def _with_years(holidays: Holidays, first_year: int, last_year: int) -> Holidays:
    """Return the same holidays with the country's dates in other years; raises SettingError."""
    new_years = range(first_year, last_year + 1)
    resolved = country_holidays(holidays.country or "", new_years)
    return build_holidays(
        holidays.table,
        holidays.country,
        {name: days for name, days in resolved.items() if name in holidays.names},
        new_years,
        names=holidays.names,
        prior_scale=holidays.prior_scale,
    )
