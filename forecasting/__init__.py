"""Prophet's model in NumPy: readings go in, a fitted model and its forecasts come out."""

from forecasting._check import check_arguments
from forecasting._country_holidays import CountryHolidays
from forecasting._errors import FitError, FutureError, HistoryError, ModelFormatError, SettingError
from forecasting._fit import fit
from forecasting._holiday_table import HolidayTable
from forecasting._holidays import RESOLVED_AHEAD
from forecasting._json_read import loads
from forecasting._many import forecast_many
from forecasting._model import Model
from forecasting._naive import seasonal_naive
from forecasting._sampled import SampledModel
from forecasting._settings import NAMES as ARGUMENTS
from forecasting._spacing import spacing
from forecasting._unseen import unseen_slots

__all__ = [
    "ARGUMENTS",
    "RESOLVED_AHEAD",
    "CountryHolidays",
    "FitError",
    "FutureError",
    "HistoryError",
    "HolidayTable",
    "Model",
    "ModelFormatError",
    "SampledModel",
    "SettingError",
    "check_arguments",
    "fit",
    "forecast_many",
    "loads",
    "seasonal_naive",
    "spacing",
    "unseen_slots",
]
