"""Forecasting methods beside Prophet's, on a history at equal steps, and what a model keeps of them."""

from fleetcast.forecasting.members.autoregression import residual_path
from fleetcast.forecasting.members.calibration import Calibration
from fleetcast.forecasting.members.correction import Correction
from fleetcast.forecasting.members.grid import GriddedHistory
from fleetcast.forecasting.members.registry import MEMBERS, Member
from fleetcast.forecasting.members.steps import Seasons

__all__ = ["MEMBERS", "Calibration", "Correction", "GriddedHistory", "Member", "Seasons", "residual_path"]
