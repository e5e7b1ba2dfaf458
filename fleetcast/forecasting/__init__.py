"""Prophet's model in NumPy: readings go in, a fitted model and its forecasts come out."""

from fleetcast.forecasting.any_model import dumps, forecast
from fleetcast.forecasting.calendar import spacing
from fleetcast.forecasting.features import RESOLVED_AHEAD, CountryHolidays
from fleetcast.forecasting.fitting import fit, fit_by_solver
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.members import MEMBERS, Combination
from fleetcast.forecasting.model import Model, SampledModel
from fleetcast.forecasting.option_checks import Option
from fleetcast.forecasting.options import FitOptions, ForecastOptions, RowColumns
from fleetcast.forecasting.predict import HolidayEffects, forecast_many, known_effects, unseen_slots
from fleetcast.forecasting.prophet_json import loads
from fleetcast.forecasting.seasonal_naive import seasonal_naive
from fleetcast.forecasting.settings import PROPHET_ARGUMENTS

__all__ = [
    "MEMBERS",
    "PROPHET_ARGUMENTS",
    "RESOLVED_AHEAD",
    "Combination",
    "CountryHolidays",
    "FitOptions",
    "ForecastOptions",
    "HolidayEffects",
    "HolidayTable",
    "Model",
    "Option",
    "RowColumns",
    "SampledModel",
    "dumps",
    "fit",
    "fit_by_solver",
    "forecast",
    "forecast_many",
    "known_effects",
    "loads",
    "seasonal_naive",
    "spacing",
    "unseen_slots",
]
