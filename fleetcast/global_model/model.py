"""A global model as data: trees over named features, and the settings that its features depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fleetcast.forecasting.members import MOST_PATH
from fleetcast.global_model.features import PLAIN_FEATURES, STACKED_FEATURES
from fleetcast.global_model.holidays import StoredHolidays, are_of_holidays
from fleetcast.global_model.relative_errors import RelativeErrors
from fleetcast.global_model.trees import Trees

Kind: TypeAlias = Literal["plain", "stacked"]
"""Trees that forecast from readings alone, or that correct the forecast of a customer's own methods."""

FEATURES: Final[Mapping[Kind, tuple[str, ...]]] = {"stacked": STACKED_FEATURES, "plain": PLAIN_FEATURES}
"""The features that all models have, by kind."""
MOST_HORIZON: Final = MOST_PATH
"""Most steps that a model may be trained for."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Trees for one kind of forecast."""

    trees: Trees
    features: tuple[str, ...]
    """The names of the F features, in the order of their columns; those of holidays are the last."""

    def of_holidays(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the features of holidays."""
        return self.features[len(FEATURES[kind]) :]

    def is_of(self, kind: Kind) -> bool:
        """Return whether the features are those that this version computes for a kind of trees."""
        own = FEATURES[kind]
        return self.features[: len(own)] == own and are_of_holidays(self.of_holidays(kind))


class GlobalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the features of a forecast depend on besides the readings."""

    freq: str
    """The step between readings, by pandas' names."""
    horizon: Annotated[int, Meta(ge=1, le=MOST_HORIZON)]
    """Most steps ahead that the trees were trained for."""
    plain_errors: RelativeErrors | None = None
    """Errors of the plain trees where they were not trained; None for forecasts without intervals."""
    holidays: StoredHolidays | UnsetType = UNSET
    """Those of every customer, for forecasts from a history in a request; left out without holidays."""


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """One model over all customers."""

    settings: GlobalSettings
    parts: Mapping[Kind, Part]

    @property
    def memory_bytes(self) -> int:
        """Memory of its arrays and holidays."""
        arrays = sum(part.trees.memory_bytes for part in self.parts.values())
        return arrays + (0 if self.settings.holidays is UNSET else self.settings.holidays.memory_bytes)
