"""How good a forecast is: the usual measures, and which part of a history to test a forecast on."""

from fleetcast.evaluation.holdout import Holdout
from fleetcast.evaluation.metrics import measure
from fleetcast.evaluation.season import naive_error, rows_per_season

__all__ = ["Holdout", "measure", "naive_error", "rows_per_season"]
