"""One gradient-boosted model over all customers: its features, its training, and its forecasts."""

from fleetcast.global_model.from_xgboost import trees_of
from fleetcast.global_model.model import GlobalModel, GlobalSettings, Kind, Part
from fleetcast.global_model.stored import read_global_model, write_global_model
from fleetcast.global_model.trees import Trees

__all__ = [
    "GlobalModel",
    "GlobalSettings",
    "Kind",
    "Part",
    "Trees",
    "read_global_model",
    "trees_of",
    "write_global_model",
]
