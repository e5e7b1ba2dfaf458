"""Forecasting methods besides Prophet's for readings at equal steps, and what a model stores of them."""

from fleetcast.forecasting.members.calibration import Calibration
from fleetcast.forecasting.members.combination import Combination, steps_ahead
from fleetcast.forecasting.members.correction import MOST_PATH, CorrectedRows, Correction, corrected_rows
from fleetcast.forecasting.members.grid import Grid, GriddedHistory
from fleetcast.forecasting.members.registry import MEMBERS, Member, forecasts
from fleetcast.forecasting.members.steps import Seasons, seasons_of

__all__ = [
    "MEMBERS",
    "MOST_PATH",
    "Calibration",
    "Combination",
    "CorrectedRows",
    "Correction",
    "Grid",
    "GriddedHistory",
    "Member",
    "Seasons",
    "corrected_rows",
    "forecasts",
    "seasons_of",
    "steps_ahead",
]
