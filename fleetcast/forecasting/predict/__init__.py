"""From a fitted model to its forecast: rows, trend, features and quantiles, for one model or many."""

from fleetcast.forecasting.predict.batch import forecast_many
from fleetcast.forecasting.predict.future_rows import check_columns, forecast_timestamps
from fleetcast.forecasting.predict.holiday_effects import HolidayEffects
from fleetcast.forecasting.predict.point_forecast import (
    Table,
    check_finite,
    forecast_by_model,
    known_effects,
    without_negatives,
)
from fleetcast.forecasting.predict.quantile_columns import column_probabilities
from fleetcast.forecasting.predict.unseen import unseen_slots

__all__ = [
    "HolidayEffects",
    "Table",
    "check_columns",
    "check_finite",
    "column_probabilities",
    "forecast_by_model",
    "forecast_many",
    "forecast_timestamps",
    "known_effects",
    "unseen_slots",
    "without_negatives",
]
