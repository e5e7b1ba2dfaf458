"""A model store in memory that tests can stop, break and count."""

from dataclasses import dataclass, field
from threading import Event
from typing import Any

from fleetcast.forecasting import ForecastOptions, forecast
from serving.errors import ModelNotFoundError
from serving.models import ModelCache, Packed
from tests.unit.models import packed_model

NEVER = 3_600.0
"""Seconds between two checks with the store: longer than any test."""


@dataclass
class MemoryStore:
    """A model store in memory."""

    archives: dict[str, bytes]
    reads: list[str] = field(default_factory=list)
    fails: Exception | None = None
    gate: Event | None = None
    """A read waits until this is set."""
    reading: Event = field(default_factory=Event)

    def read(self, key: str, *, known_version: str | None = None) -> Packed | None:
        self.reads.append(key)
        self.reading.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.fails is not None:
            raise self.fails
        if key not in self.archives:
            raise ModelNotFoundError("there is no such model")
        content = self.archives[key]
        version = str(hash(content))
        return None if version == known_version else Packed(content, version)


def five_models() -> MemoryStore:
    return MemoryStore({f"{each}.tar.gz": packed_model(float(each)) for each in range(1, 6)})


def cache(store: Any, *, capacity_bytes: int = 10**9, revalidate_seconds: float = NEVER) -> ModelCache:
    return ModelCache(store, capacity_bytes=capacity_bytes, revalidate_seconds=revalidate_seconds)


def level(model: Any) -> int:
    return round(float(forecast(model.model, ForecastOptions(1))["yhat"][0]))
