"""A global model as data: trees over named features, and the settings that its features depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from fleetcast.global_model.trees import Trees

Kind: TypeAlias = Literal["plain", "stacked"]
"""Trees that forecast from readings alone, or that correct the forecast of a customer's own methods."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Trees for one kind of forecast."""

    trees: Trees
    features: tuple[str, ...]
    """The names of the F features, in the order of their columns."""


class GlobalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the features of a forecast depend on besides the readings."""

    freq: str
    """The step between readings, by pandas' names."""
    horizon: int
    """Most steps ahead that the trees were trained for."""


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """One model over all customers."""

    settings: GlobalSettings
    parts: Mapping[Kind, Part]

    @property
    def memory_bytes(self) -> int:
        """Memory of its arrays."""
        return sum(part.trees.memory_bytes for part in self.parts.values())
