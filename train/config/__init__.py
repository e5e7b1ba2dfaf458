"""The channel `config`: holidays, changepoints, seasonalities and chosen hyperparameters from files."""

from train.config.best_hyperparameters import NAME as BEST_HYPERPARAMETERS
from train.config.files import SEARCH_SPACE, Config

__all__ = ["BEST_HYPERPARAMETERS", "SEARCH_SPACE", "Config"]
