"""An in-memory LRU cache of models, loaded on first use and revalidated against the store.

A model is trusted for `revalidate_seconds` after the store was asked about it.  The next request then asks
the store again, which costs a transfer only if the model changed.  If the store is down, slow, or has
something unusable in the model's place, the model in memory is served for up to STALE_SECONDS.  Names without
a usable model are remembered for `revalidate_seconds` too.  However many requests need a model at the same
time, it is loaded once.
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

from container import quoted
from serving.errors import DefectError, ModelNotFoundError, RequestError, UnavailableError
from serving.models.archive_key import archive_key
from serving.models.load import Forecaster, load_packed
from serving.models.lru import CachedModel, LruModels
from serving.models.store import UNREACHABLE, ModelStore, Packed

logger = logging.getLogger(__name__)

THREADS: Final = 8
"""Threads that load models for callers that must not block."""
STALE_SECONDS: Final = 300.0
"""How long a model is served after the store last confirmed it."""
PATIENCE_SECONDS: Final = 2.0
"""How long a request waits for the store if the model in memory could answer it."""
LOAD_SECONDS: Final = 30.0
"""How long a request waits for a model that is not in memory."""
PAUSE_SECONDS: Final = 1.0
"""How long an unreachable store is not asked again."""
MAX_MISSES: Final = 4_096
"""Names without a usable model that are remembered; the oldest are forgotten first."""
EARLY_CHECK_SHARE: Final = 0.5
"""Share of `revalidate_seconds` after which `get_if_cached` starts a check that nobody waits for."""


@dataclass(frozen=True, slots=True)
class _Miss:
    """A cached "not found"."""

    error: RequestError
    until: float


@dataclass(frozen=True, slots=True)
class _PendingLoad:
    """A load from the store, shared by all requests that need the model."""

    future: "Future[Forecaster]"
    started_at: float


class ModelCache:
    """Models by name, within `capacity_bytes`; safe for any number of threads."""

    def __init__(
        self,
        store: ModelStore,
        *,
        capacity_bytes: int,
        revalidate_seconds: float,
        key: Callable[[str], str] = archive_key,
        load: Callable[[bytes], Forecaster] = load_packed,
    ) -> None:
        """`key` returns the store's key for a client's name, `load` the model in the store's bytes.

        Both raise a `RequestError` for what they cannot use.
        """
        self._load = load
        self._store = store
        self._key = key
        self._revalidate_seconds = revalidate_seconds
        self._lock = Lock()
        self._models = LruModels(capacity_bytes)
        self._misses: OrderedDict[str, _Miss] = OrderedDict()
        self._pending: dict[str, _PendingLoad] = {}
        self._unreachable_until = -math.inf
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="model-load")

    def get(self, name: str) -> Forecaster:
        """Return the model, loading it in this thread if necessary; raises a `RequestError`."""
        key = self._key(name)
        with self._lock:
            cached = self._trusted(key, time.monotonic())
            if cached is not None:
                return cached.forecaster
            load, is_new = self._pending_load(key)
        if is_new:
            self._load_into(key, load)
        return self._await_load(key, load)

    def get_if_cached(self, name: str) -> Forecaster | None:
        """Return the model if it is in memory and trusted, else None; never waits; raises a `RequestError`.

        After None, use `load_async`.
        """
        key = self._key(name)
        now = time.monotonic()
        with self._lock:
            cached = self._trusted(key, now)
        if cached is None:
            return None
        if now > cached.checked_at + EARLY_CHECK_SHARE * self._revalidate_seconds:
            self.load_async(name)
        return cached.forecaster

    def load_async(self, name: str) -> "Future[Forecaster]":
        """Return a future of the model or its `RequestError`, at once; for event loops.

        All requests for a model share one load, so the future cannot be cancelled.
        """
        key = self._key(name)
        with self._lock:
            load, is_new = self._pending_load(key)
        if is_new:
            self._threads.submit(self._load_into, key, load)
        return load.future

    def close(self) -> None:
        """Start no further loads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def cached_bytes(self) -> int:
        """Memory of the cached models."""
        return self._models.size_bytes

    def _trusted(self, key: str, now: float) -> CachedModel | None:
        """Return a model that needs no answer from the store, or None; raise the error of a cached miss."""
        cached = self._models.use(key)
        if cached is None:
            miss = self._misses.get(key)
            if miss is not None and now < miss.until:
                raise miss.error.without_traceback()
            return None
        if now < cached.checked_at + self._revalidate_seconds:
            return cached
        load = self._pending.get(key)
        is_slow = load is not None and now > load.started_at + PATIENCE_SECONDS
        is_down = now < self._unreachable_until
        return cached if (is_slow or is_down) and now < cached.confirmed_at + STALE_SECONDS else None

    def _pending_load(self, key: str) -> tuple[_PendingLoad, bool]:
        """Return the pending load of a model, and whether it is new, so that the caller has to start it."""
        if (load := self._pending.get(key)) is not None:
            return load, False
        load = self._pending[key] = _PendingLoad(Future(), time.monotonic())
        load.future.set_running_or_notify_cancel()  # no request can cancel the load of the others
        return load, True

    def _load_into(self, key: str, load: _PendingLoad) -> None:
        """Load a model, and complete the future of the load."""
        result: Forecaster | RequestError
        try:
            result = self._ask_store(key)
        except RequestError as error:
            result = error
        except Exception:  # a future that is never completed would block its requests
            logger.exception("model %s could not be loaded", quoted(key))
            result = DefectError("the model could not be loaded; the server's log has the reason")
        with self._lock:
            del self._pending[key]
        if isinstance(result, RequestError):
            load.future.set_exception(result)
        else:
            load.future.set_result(result)

    def _await_load(self, key: str, load: _PendingLoad) -> Forecaster:
        """Return the model of a load, or after PATIENCE_SECONDS the one in memory."""
        with self._lock:
            cached = self._models.get(key)
        is_servable = cached is not None and time.monotonic() < cached.confirmed_at + STALE_SECONDS
        try:
            return load.future.result(PATIENCE_SECONDS if is_servable else LOAD_SECONDS)
        except TimeoutError:
            if cached is None or not is_servable:
                raise UnavailableError("the model is still being loaded; retry in 1 second") from None
            logger.warning("the model store is slow; %s is served from memory", quoted(key))
            return cached.forecaster
        except RequestError as error:
            raise error.without_traceback() from None

    def _ask_store(self, key: str) -> Forecaster:
        """Return the store's model, and cache what the store says."""
        now = time.monotonic()
        with self._lock:
            cached = self._models.get(key)
        try:
            packed = self._read(key, known_version=None if cached is None else cached.version)
            if packed is not None:
                cached = CachedModel(self._load(packed.content), packed.version, now, now)
        except ModelNotFoundError as error:
            self._cache_miss(key, error, now)
            raise
        except RequestError as error:
            return self._serve_stale(key, cached, error)
        if cached is None:
            raise DefectError("the model could not be loaded; the server's log has the reason")
        cached.confirmed_at = cached.checked_at = now
        with self._lock:
            self._misses.pop(key, None)
            self._models.put(key, cached)
        return cached.forecaster

    def _read(self, key: str, *, known_version: str | None) -> Packed | None:
        if time.monotonic() < self._unreachable_until:
            raise UnavailableError(UNREACHABLE)
        try:
            return self._store.read(key, known_version=known_version)
        except UnavailableError:
            self._unreachable_until = time.monotonic() + PAUSE_SECONDS
            raise

    def _serve_stale(self, key: str, cached: CachedModel | None, error: RequestError) -> Forecaster:
        """Return the model in memory although the store has no usable one, or raise the store's error."""
        now = time.monotonic()
        if cached is not None and now < cached.confirmed_at + STALE_SECONDS:
            age = now - cached.confirmed_at
            logger.warning("%s is served as it was %.0f s ago: %s", quoted(key), age, error)
            cached.checked_at = now
            return cached.forecaster
        if not isinstance(error, UnavailableError):
            self._cache_miss(key, error, now)
        raise error

    def _cache_miss(self, key: str, error: RequestError, now: float) -> None:
        with self._lock:
            self._models.drop(key)
            self._misses[key] = _Miss(error.without_traceback(), now + self._revalidate_seconds)
            self._misses.move_to_end(key)
            while len(self._misses) > MAX_MISSES:
                self._misses.popitem(last=False)
