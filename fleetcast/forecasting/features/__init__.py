"""The features of the model: seasonalities, holidays and regressors, and the matrix X that they make up."""

from fleetcast.forecasting.features.added_components import AddedComponents
from fleetcast.forecasting.features.country_holidays import CountryHolidays
from fleetcast.forecasting.features.feature_matrix import FeatureMatrix, shared_feature_matrix
from fleetcast.forecasting.features.holidays import RESOLVED_AHEAD, Holidays, build_holidays, history_holidays
from fleetcast.forecasting.features.regressors import (
    NO_NUMBERS,
    Regressor,
    Standardization,
    Standardize,
    condition_columns,
    numeric_columns,
    standardization,
)
from fleetcast.forecasting.features.reserved_names import BUILT_IN, check_name
from fleetcast.forecasting.features.seasonality import Seasonality, days, fourier_series, with_automatic

__all__ = [
    "BUILT_IN",
    "NO_NUMBERS",
    "RESOLVED_AHEAD",
    "AddedComponents",
    "CountryHolidays",
    "FeatureMatrix",
    "Holidays",
    "Regressor",
    "Seasonality",
    "Standardization",
    "Standardize",
    "build_holidays",
    "check_name",
    "condition_columns",
    "days",
    "fourier_series",
    "history_holidays",
    "numeric_columns",
    "shared_feature_matrix",
    "standardization",
    "with_automatic",
]
