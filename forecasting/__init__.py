"""Prophet's model in NumPy: readings go in, a fitted model and its forecasts come out."""

from forecasting._errors import FitError, FutureError, HistoryError, ModelFormatError, SettingError
from forecasting._fit import fit
from forecasting._json_read import loads
from forecasting._many import forecast_many
from forecasting._model import Model
from forecasting._sampled import SampledModel
from forecasting._settings import NAMES as ARGUMENTS
from forecasting._spacing import spacing
from forecasting._unseen import unseen_slots

__all__ = [
    "ARGUMENTS",
    "FitError",
    "FutureError",
    "HistoryError",
    "Model",
    "ModelFormatError",
    "SampledModel",
    "SettingError",
    "fit",
    "forecast_many",
    "loads",
    "spacing",
    "unseen_slots",
]
