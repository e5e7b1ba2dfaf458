"""Models in memory: loaded when first asked for, kept by bytes, looked at again after a while."""

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from archive import ArchiveError, unpack
from serving._errors import ModelNotFoundError, RequestError, UnavailableError
from serving._load import Forecaster, load
from serving._store import ModelStore

logger = logging.getLogger(__name__)

MOST_MISSES: Final = 10_000
MISS_SECONDS: Final = 1.0
"""How long a name is remembered that the store does not have."""
STALE_SECONDS: Final = 300.0
"""How long a model is used while the store does not answer."""
BYTES_PER_MODEL: Final = 4096
"""Of a model without its text: arrays, and its place in the cache."""


@dataclass(slots=True)
class _Kept:
    model: Forecaster
    version: str
    size: int
    checked: float
    """When the store last said that it is still this version."""


class ModelCache:
    """The models of one process.  All methods may be called from any thread.

    A model is at most `revalidate_seconds` older than the store's, or `STALE_SECONDS` while that is away.
    """

    def __init__(self, store: ModelStore, *, capacity_bytes: int, revalidate_seconds: float) -> None:
        self._store = store
        self._capacity = capacity_bytes
        self._revalidate = revalidate_seconds
        self._models: OrderedDict[str, _Kept] = OrderedDict()
        self._misses: OrderedDict[str, float] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def __len__(self) -> int:
        return len(self._models)

    def peek(self, name: str) -> Forecaster | None:
        """Return a model that can be used as it is, or None where the store has to be asked first.

        Raises `ModelNotFoundError` where the store was asked a moment ago.
        """
        now = time.monotonic()
        with self._lock:
            kept = self._models.get(name)
            if kept is not None and now - kept.checked <= self._revalidate:
                self._models.move_to_end(name)
                return kept.model
            if now - self._misses.get(name, -MISS_SECONDS) < MISS_SECONDS:
                raise ModelNotFoundError(f"there is no model {name[:100]!r} in the model store")
        return None

    def get(self, name: str) -> Forecaster:
        """Return a model, from the store if need be; raise a `RequestError`.

        Of several threads that ask for the same model one goes to the store and the others wait for it.
        """
        if (model := self.peek(name)) is not None:
            return model
        with self._lock:
            mine = self._loading.setdefault(name, threading.Lock())
        with mine:
            try:
                if (model := self.peek(name)) is None:
                    model = self._from_store(name)
                return model
            finally:
                with self._lock:
                    self._loading.pop(name, None)

    def _from_store(self, name: str) -> Forecaster:
        with self._lock:
            kept = self._models.get(name)
        try:
            if kept is not None and self._store.version(name) == kept.version:
                kept.checked = time.monotonic()
                return kept.model
            return self._keep(name)
        except ModelNotFoundError:
            self._remember_miss(name)
            raise
        except UnavailableError:
            if kept is None or time.monotonic() - kept.checked > STALE_SECONDS:
                raise
            logger.warning("the model store does not answer; model %s is used as it was", name)
            return kept.model

    def _keep(self, name: str) -> Forecaster:
        stored = self._store.read(name)
        try:
            archive = unpack(stored.packed)
        except ArchiveError as error:
            raise RequestError(f"the model cannot be used: {error}") from error
        model = load(archive)
        size = BYTES_PER_MODEL + (len(archive.model) if hasattr(model, "text") else 0)
        with self._lock:
            self._forget(name)
            self._models[name] = _Kept(model, stored.version, size, time.monotonic())
            self._bytes += size
            while self._bytes > self._capacity and len(self._models) > 1:
                self._forget(next(iter(self._models)))
        return model

    def _forget(self, name: str) -> None:
        if (kept := self._models.pop(name, None)) is not None:
            self._bytes -= kept.size

    def _remember_miss(self, name: str) -> None:
        with self._lock:
            self._forget(name)
            self._misses[name] = time.monotonic()
            self._misses.move_to_end(name)
            while len(self._misses) > MOST_MISSES:
                self._misses.popitem(last=False)
