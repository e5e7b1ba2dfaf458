"""One gradient-boosted model over all customers: its features, its training, and its forecasts."""

from fleetcast.global_model.features import PLAIN_FEATURES, STACKED_FEATURES, Rows, feature_rows
from fleetcast.global_model.local import LOCAL_METHODS, LocalForecasts, local_forecasts
from fleetcast.global_model.series import Cycles, Series
from fleetcast.global_model.training_rows import TrainingRows, plain_rows, stacked_rows

__all__ = [
    "LOCAL_METHODS",
    "PLAIN_FEATURES",
    "STACKED_FEATURES",
    "Cycles",
    "LocalForecasts",
    "Rows",
    "Series",
    "TrainingRows",
    "feature_rows",
    "local_forecasts",
    "plain_rows",
    "stacked_rows",
]
