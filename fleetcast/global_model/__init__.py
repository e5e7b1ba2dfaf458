"""One gradient-boosted model over all customers: its features, its training, and its forecasts."""

from fleetcast.global_model.dated import DatedModels, FewReadings
from fleetcast.global_model.dates import dates_of
from fleetcast.global_model.features import (
    PLAIN_FEATURES,
    STACKED_FEATURES,
    OnHolidays,
    Rows,
    feature_rows,
)
from fleetcast.global_model.from_xgboost import trees_of
from fleetcast.global_model.holidays import StoredHolidays, holiday_features
from fleetcast.global_model.local import LOCAL_METHODS, LocalForecasts, local_forecasts
from fleetcast.global_model.model import FEATURES, GlobalModel, GlobalSettings, Kind, Part
from fleetcast.global_model.plain import check_plain, forecast_history, plain_errors, plain_path
from fleetcast.global_model.relative_errors import Errors, RelativeErrors
from fleetcast.global_model.series import Cycles, Series
from fleetcast.global_model.stored import read_global_model, write_global_model
from fleetcast.global_model.training_rows import TrainingRows, plain_rows, stacked_rows
from fleetcast.global_model.trees import Trees

__all__ = [
    "FEATURES",
    "LOCAL_METHODS",
    "PLAIN_FEATURES",
    "STACKED_FEATURES",
    "Cycles",
    "DatedModels",
    "Errors",
    "FewReadings",
    "GlobalModel",
    "GlobalSettings",
    "Kind",
    "LocalForecasts",
    "OnHolidays",
    "Part",
    "RelativeErrors",
    "Rows",
    "Series",
    "StoredHolidays",
    "TrainingRows",
    "Trees",
    "check_plain",
    "dates_of",
    "feature_rows",
    "forecast_history",
    "holiday_features",
    "local_forecasts",
    "plain_errors",
    "plain_path",
    "plain_rows",
    "read_global_model",
    "stacked_rows",
    "trees_of",
    "write_global_model",
]
