"""How good a forecast is: measures, backtests, and which methods forecast a history best."""

from fleetcast.evaluation.calibrate import COVERAGES, calibrated
from fleetcast.evaluation.combined import COMBINED, Combined, CombineOptions, combine, rounded_path
from fleetcast.evaluation.continuation import continued
from fleetcast.evaluation.fleet import (
    LEAST_CUSTOMERS,
    ErrorSummary,
    FleetMeans,
    FleetSums,
    error_summary,
)
from fleetcast.evaluation.holdout import Holdout
from fleetcast.evaluation.incumbent import Incumbent, Verdict
from fleetcast.evaluation.metrics import Metric, beats_seasonal_naive, measure
from fleetcast.evaluation.reliability import PROBABILITIES
from fleetcast.evaluation.rolling_origin import (
    CORRECTED_PROPHET,
    DEFAULT_CUTOFFS,
    GLOBAL,
    METHODS,
    NAIVE,
    PROPHET,
    FittedProphet,
    GlobalForecasts,
    Origin,
    cutoffs,
    default_horizon,
    method_table,
    origins,
)
from fleetcast.evaluation.season import naive_error, naive_forecast, rows_per_season
from fleetcast.evaluation.short_history import forecast_as_fleet
from fleetcast.evaluation.weights import best_weights

__all__ = [
    "COMBINED",
    "CORRECTED_PROPHET",
    "COVERAGES",
    "DEFAULT_CUTOFFS",
    "GLOBAL",
    "LEAST_CUSTOMERS",
    "METHODS",
    "NAIVE",
    "PROBABILITIES",
    "PROPHET",
    "CombineOptions",
    "Combined",
    "ErrorSummary",
    "FittedProphet",
    "FleetMeans",
    "FleetSums",
    "GlobalForecasts",
    "Holdout",
    "Incumbent",
    "Metric",
    "Origin",
    "Verdict",
    "beats_seasonal_naive",
    "best_weights",
    "calibrated",
    "combine",
    "continued",
    "cutoffs",
    "default_horizon",
    "error_summary",
    "forecast_as_fleet",
    "measure",
    "method_table",
    "naive_error",
    "naive_forecast",
    "origins",
    "rounded_path",
    "rows_per_season",
]
