"""Forecasting methods beside Prophet's: profiles and autoregressions on a history at equal steps."""

from fleetcast.forecasting.members.autoregression import residual_path
from fleetcast.forecasting.members.grid import Grid, GriddedHistory
from fleetcast.forecasting.members.registry import MEMBERS, Member
from fleetcast.forecasting.members.steps import Seasons, Steps

__all__ = ["MEMBERS", "Grid", "GriddedHistory", "Member", "Seasons", "Steps", "residual_path"]
