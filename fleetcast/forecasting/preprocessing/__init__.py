"""From one customer's readings to the estimation problem, by Prophet's rules."""

from fleetcast.forecasting.preprocessing.changepoints import without_changepoints
from fleetcast.forecasting.preprocessing.history import History, Scale, cap_and_floor, floor_column
from fleetcast.forecasting.preprocessing.preparation import Prepared, estimation_problem, prepare

__all__ = [
    "History",
    "Prepared",
    "Scale",
    "cap_and_floor",
    "estimation_problem",
    "floor_column",
    "prepare",
    "without_changepoints",
]
