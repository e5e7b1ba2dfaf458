"""How the trees of a model of all customers are fitted, from the hyperparameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from train import hyperparameters


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSettings:
    """What `train` lets its user set; within these limits trees have at most 511,000 nodes.

    `train.hyperparameters` has meanings and limits.  They decide the trees, and these the digest of the model
    in each archive, so no archive lists them beside it.
    """

    eta: float = hyperparameters.GLOBAL_ETA.default
    rounds: int = hyperparameters.GLOBAL_ROUNDS.read({})
    max_depth: int = hyperparameters.GLOBAL_MAX_DEPTH.read({})

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Self:
        """Return the settings that the hyperparameters name; raise SettingError."""
        return cls(
            eta=hyperparameters.GLOBAL_ETA.read(texts),
            rounds=hyperparameters.GLOBAL_ROUNDS.read(texts),
            max_depth=hyperparameters.GLOBAL_MAX_DEPTH.read(texts),
        )
