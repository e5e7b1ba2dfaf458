"""The options and the columns of `fit` and `forecast` for one customer: hyperparameters, files, country."""

from functools import lru_cache
from typing import Any

from fleetcast.forecasting import RESOLVED_AHEAD, CountryHolidays, FitOptions, HolidayTable
from fleetcast.readings.customer import BOUNDS, Readings, Times
from train.settings import TrainSettings


def fit_options(ds: Times, settings: TrainSettings) -> FitOptions:
    """Return the options of the fit of a history with the times `ds`.

    The holidays of a country are among them as dates.  Raises SettingError where they contradict the
    customer's own holidays.
    """
    arguments = settings.arguments
    if settings.country is not None:
        first, last = (int(time.astype("datetime64[Y]").astype(int)) + 1970 for time in (ds.min(), ds.max()))
        table = _country_table(settings.country, first, last)
        own = arguments.get("holidays")
        arguments["holidays"] = table if own is None else HolidayTable.of(own).joined(table)
    return FitOptions(**arguments)


@lru_cache(maxsize=64)
def _country_table(country: CountryHolidays, first_year: int, last_year: int) -> HolidayTable:
    return HolidayTable.of(country.rows(first_year, last_year, years_ahead=RESOLVED_AHEAD))


def column_arguments(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    """Return the arguments of `fit` and `forecast` with a value for each row of `readings`.

    They are cap, floor, regressors and conditions; cap and floor come from the hyperparameters, one value
    for all rows, where the customer's files have no such column.
    """
    arguments: dict[str, Any] = {}
    if settings.is_logistic:
        arguments |= settings.bounds
        arguments |= {name: readings.columns[name] for name in BOUNDS if name in readings.columns}
    if not settings.columns:
        return arguments
    conditions = {row.get("condition_name") for row in settings.arguments.get("seasonalities", ())}
    for name in settings.columns:
        kind = "conditions" if name in conditions else "regressors"
        arguments.setdefault(kind, {})[name] = readings.columns[name]
    return arguments
