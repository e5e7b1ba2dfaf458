"""The public holidays of a country or a subdivision, from the `holidays` package, with Prophet's names."""

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from fleetcast.errors import SettingError

_EPOCH_ORDINAL: Final = 719_163
"""`datetime.date.toordinal` of 1970-01-01."""
_SUBSTITUTES: Final = {"TU": "TR"}
"""Names that Prophet accepts and the `holidays` package does not, with the package's."""
_ANY_YEAR: Final = 2024
_MOST_WINDOW_DAYS: Final = 366
_FIELDS: Final = ("country", "subdiv", "lower_window", "upper_window", "prior_scale")
_EXAMPLE: Final = '{"country": "DE", "subdiv": "BY", "lower_window": -1, "upper_window": 1}'


@dataclass(frozen=True, slots=True)
class CountryHolidays:
    """A country's holidays with what Prophet's own argument cannot express: a subdivision, windows, a prior.

    A model is fitted with these holidays as a table of dates (`rows`).
    """

    country: str
    subdiv: str | None = None
    lower_window: int = 0
    upper_window: int = 0
    prior_scale: float | None = None

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the holidays of `DE`, `DE-BY` or a mapping with this class's fields; raises SettingError."""
        if isinstance(value, str):
            country, _, subdiv = value.partition("-")
            holidays = cls(country, subdiv or None)
        else:
            holidays = cls(**_fields(value))
        _check_subdivision(holidays.country, holidays.subdiv)
        return holidays

    @property
    def is_plain(self) -> bool:
        """Whether there is a country only, which Prophet's own argument expresses."""
        return self == type(self)(self.country)

    def rows(self, first_year: int, last_year: int, *, years_ahead: int) -> list[dict[str, Any]]:
        """Return rows of Prophet's holidays table for a history of these years and `years_ahead` more.

        As in Prophet, only holidays with a day in the history's years count.  Raises SettingError.
        """
        in_history = country_holidays(self.country, range(first_year, last_year + 1), subdiv=self.subdiv)
        ahead = range(first_year, last_year + years_ahead + 1)
        resolved = country_holidays(self.country, ahead, subdiv=self.subdiv)
        rows = []
        for name, days in resolved.items():
            for day in days if name in in_history else ():
                row = {"ds": _date(day), "holiday": name}
                rows.append(row | self._extras())
        return rows

    def _extras(self) -> dict[str, float]:
        """Return the columns besides the date and the name."""
        extras: dict[str, float] = {"lower_window": self.lower_window, "upper_window": self.upper_window}
        return extras if self.prior_scale is None else extras | {"prior_scale": self.prior_scale}


def country_holidays(
    country: str, years: Iterable[int], *, subdiv: str | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the days since 1970 of each holiday in these years, by its English name, as in Prophet.

    Raises SettingError for a country that the `holidays` package does not have.
    """
    by_name: dict[str, dict[int, None]] = {}
    for year in sorted(years):
        for day, name in _one_year(country, year, subdiv):
            by_name.setdefault(name, {})[day] = None
    return {name: tuple(sorted(days)) for name, days in by_name.items()}


@lru_cache(maxsize=4096)
def _one_year(country: str, year: int, subdiv: str | None) -> tuple[tuple[int, str], ...]:
    """Return the days since 1970 and the names of the holidays in one year; raises SettingError."""
    dates = _calendar(country, year, subdiv)
    return tuple((date.toordinal() - _EPOCH_ORDINAL, name) for date in dates for name in dates.get_list(date))


def _calendar(country: str, year: int, subdiv: str | None = None) -> Any:  # noqa: ANN401 -- a HolidayBase
    """Return the package's calendar of one year; raises SettingError."""
    import holidays  # noqa: PLC0415 - most customers have no country, and it takes a tenth of a second

    try:
        calendar = getattr(holidays, _SUBSTITUTES.get(country, country))
        dates = calendar(expand=False, language="en_US", subdiv=subdiv, years=[year])
    except (AttributeError, TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise _unknown_country(country) from error
    if not isinstance(dates, holidays.HolidayBase) or type(dates) is holidays.HolidayBase:
        raise _unknown_country(country)
    return dates


def _date(day: int) -> str:
    """Return a day since 1970 as ISO 8601 text."""
    return dt.date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


def _unknown_country(country: str) -> SettingError:
    return SettingError(
        f"country_holidays must be a country of the holidays package such as 'US', not {country!r}"
    )


def _check_subdivision(country: str, subdiv: str | None) -> None:
    """Raise SettingError unless the country has this subdivision."""
    calendar = _calendar(country, _ANY_YEAR)
    accepted = {*calendar.subdivisions, *calendar.subdivisions_aliases}
    if subdiv is not None and subdiv not in accepted:
        names = ", ".join(calendar.subdivisions) or "none"
        raise SettingError(f"country_holidays: {country} has no subdivision {subdiv!r}; accepted are {names}")


def _fields(value: object) -> dict[str, Any]:
    """Return the fields of a mapping, checked; raises SettingError."""
    if not isinstance(value, Mapping) or not isinstance(value.get("country"), str):
        raise SettingError(f"country_holidays must look like 'DE', 'DE-BY' or {_EXAMPLE}, not {value!r}")
    unknown = [name for name in value if name not in _FIELDS]
    if unknown:
        raise SettingError(f"country_holidays has no field {unknown[0]!r}; accepted are {', '.join(_FIELDS)}")
    subdiv = value.get("subdiv")
    if subdiv is not None and not isinstance(subdiv, str):
        raise SettingError(f"country_holidays: subdiv must be a text such as 'BY', not {subdiv!r}")
    return {
        "country": value["country"],
        "subdiv": subdiv,
        "lower_window": _days("lower_window", value, -_MOST_WINDOW_DAYS, 0),
        "upper_window": _days("upper_window", value, 0, _MOST_WINDOW_DAYS),
        "prior_scale": _prior_scale(value.get("prior_scale")),
    }


def _days(name: str, value: Mapping[str, Any], least: int, most: int) -> int:
    """Return a window in whole days; raises SettingError."""
    days = value.get(name, 0)
    if isinstance(days, bool) or not isinstance(days, int) or not least <= days <= most:
        raise SettingError(
            f"country_holidays: {name} must be whole days from {least} to {most}, not {days!r}"
        )
    return days


def _prior_scale(scale: object) -> float | None:
    """Return a prior scale above 0, or None; raises SettingError."""
    if scale is None:
        return None
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
        raise SettingError(f"country_holidays: prior_scale must be a number above 0, not {scale!r}")
    return float(scale)
