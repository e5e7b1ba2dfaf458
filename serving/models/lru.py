"""Models in memory within a number of bytes; the least recently used models are dropped first."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from serving.models.load import Forecaster

ENTRY_OVERHEAD_BYTES: Final = 600
"""Estimated cost of a cache entry besides its model: key, dict slot, bookkeeping."""


@dataclass(slots=True)
class CachedModel:
    """A model in memory, and when the store was last asked about it (times of `time.monotonic`)."""

    forecaster: Forecaster
    version: str
    """The archive's version in the store."""
    confirmed_at: float
    """When the store last confirmed that this version is the current one."""
    checked_at: float
    """When the store was last asked, whatever it answered."""
    memory_bytes: int = 0
    """Measured each time the model is put into the cache, because a model keeps its last horizon."""


class LruModels:
    """Models by key; not safe for threads."""

    def __init__(self, capacity_bytes: int) -> None:
        self.size_bytes = 0
        self._capacity_bytes = capacity_bytes
        self._models: OrderedDict[str, CachedModel] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: str) -> CachedModel | None:
        """Return a model, or None, without using it."""
        return self._models.get(key)

    def use(self, key: str) -> CachedModel | None:
        """Return a model, or None, and make it the most recently used one."""
        model = self._models.get(key)
        if model is not None:
            self._models.move_to_end(key)
        return model

    def put(self, key: str, model: CachedModel) -> None:
        """Keep a model, unless it is larger than the capacity, and drop others to make room for it."""
        self.drop(key)
        model.memory_bytes = model.forecaster.memory_bytes + ENTRY_OVERHEAD_BYTES
        if model.memory_bytes > self._capacity_bytes:
            return
        self._models[key] = model
        self.size_bytes += model.memory_bytes
        while self.size_bytes > self._capacity_bytes:
            self.drop(next(iter(self._models)))

    def drop(self, key: str) -> None:
        """Drop a model if it is there."""
        if (model := self._models.pop(key, None)) is not None:
            self.size_bytes -= model.memory_bytes
