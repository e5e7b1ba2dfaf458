"""Which holidays the trees of a job may know, and their days for customers without an archive."""

from collections import Counter
from typing import Any, Final

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting import CountryHolidays, HolidayTable
from fleetcast.forecasting.features import history_holidays
from fleetcast.global_model import StoredHolidays, holiday_features
from train.customer import fit_options
from train.settings import TrainSettings

MOST_NAMES: Final = 50
"""Most holidays with a feature of their own, those with the most dates; each takes 0.8 MB of 200,000 rows."""
_YEARS: Final = (1970, 2050)
"""Years whose holidays of a country are counted; which of them a fleet has is seen in its rows."""


def features_of_holidays(settings: TrainSettings) -> tuple[str, ...]:
    """Return the features of the holidays that a job has for any of its customers; none without holidays."""
    dates: Counter[str] = Counter()
    for table in _tables(settings):
        dates.update(table.holiday)
    if not dates:
        return ()
    names = sorted(dates, key=lambda name: (-dates[name], name))[:MOST_NAMES]
    return holiday_features(sorted(names))


def _tables(settings: TrainSettings) -> list[HolidayTable]:
    """Return the holidays of all customers, and those that single customers have besides."""
    tables = [HolidayTable.of(rows) for rows in _own_rows(settings)]
    if (shared := settings.arguments.get("holidays")) is not None:
        tables.append(HolidayTable.of(shared))
    country = settings.country
    if country is None and (plain := settings.arguments.get("country_holidays")):
        country = CountryHolidays.of(plain)
    return tables if country is None else [*tables, HolidayTable.of(country.rows(*_YEARS, years_ahead=0))]


def _own_rows(settings: TrainSettings) -> list[Any]:
    return [rows["holidays"] for rows in settings.config.own.values() if "holidays" in rows]


def stored_holidays(settings: TrainSettings, first: int, last: int) -> StoredHolidays:
    """Return the days of every customer's holidays, without those that only single customers have.

    A country's are those of the years of the readings from `first` to `last`, in microseconds since 1970, and
    of ten more.
    """
    ds = np.array([first, last]).view("datetime64[us]")
    first_year, last_year = (ds.astype("datetime64[Y]").astype(int) + 1970).tolist()
    try:
        options = fit_options(ds, settings)
        holidays = history_holidays(
            options.settings.holidays,
            options.added.country,
            first_year,
            last_year,
            options.settings.holidays_prior_scale,
        )
    except SettingError:  # the table and the country contradict each other; the fits of customers say how
        return StoredHolidays()
    return StoredHolidays() if holidays is None else StoredHolidays.of(holidays)
