"""The models in memory: read when first asked for, compared with the store again, given up for others."""

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
from serving.models.archive_key import archive_name
from serving.models.load import Forecaster, load_packed
from serving.models.store import ModelStore, Packed

logger = logging.getLogger(__name__)

THREADS: Final = 8
"""That load for callers who cannot wait."""
STALE_SECONDS: Final = 300.0
"""How long a model is served that the store can no longer confirm."""
PATIENCE_SECONDS: Final = 2.0
"""How long a request waits for the store where the model in memory could answer it."""
LOAD_SECONDS: Final = 30.0
"""How long a request waits for a model that is not in memory."""
PAUSE_SECONDS: Final = 1.0
"""How long an unreachable store is left alone."""
MOST_MISSES: Final = 4_096
_SOON: Final = 0.5
"""The share of `revalidate_seconds` after which `peek` has a look taken that nobody waits for."""
_BYTES_OF_A_PLACE: Final = 600
"""Of a name and what is noted of it."""


@dataclass(slots=True)
class _Kept:
    """A model in memory."""

    loaded: Forecaster
    packed_version: str
    confirmed: float
    """When the store was last asked and said that this is the current one."""
    looked: float
    """When it was last asked."""
    memory_bytes: int = 0
    """Counted at every look, as a model keeps the last horizon that it was asked for."""


@dataclass(frozen=True, slots=True)
class _Miss:
    """A name that was asked for in vain."""

    error: RequestError
    until: float


@dataclass(frozen=True, slots=True)
class _Flight:
    """A model on its way from the store, once for all who ask."""

    model: "Future[Forecaster]"
    started: float


class ModelCache:
    """Models by name, within `capacity_bytes`, least recently used first to go; for any number of threads.

    What is answered was the store's at most `revalidate_seconds` ago, or STALE_SECONDS where the store is
    unreachable or holds something unusable in a model's place.  A name without a usable model is remembered
    for `revalidate_seconds` too.  However many ask at once, a model is loaded once.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        capacity_bytes: int,
        revalidate_seconds: float,
        key: Callable[[str], str] = archive_name,
        load: Callable[[bytes], Forecaster] = load_packed,
    ) -> None:
        """`key` makes a client's name into the store's, `load` the store's bytes into a model.

        Both raise a `RequestError` for what they cannot use.
        """
        self._load = load
        self._store = store
        self._key = key
        self._capacity_bytes = capacity_bytes
        self._revalidate_seconds = revalidate_seconds
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._misses: OrderedDict[str, _Miss] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._unreachable_until = -math.inf
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="model-load")

    def get(self, name: str) -> Forecaster:
        """Return the model, loading it first where that is needed; raises a `RequestError`."""
        key = self._key(name)
        with self._lock:
            kept = self._current(key, time.monotonic())
            if kept is not None:
                return kept.loaded
            flight, ours = self._flight(key)
        if ours:
            self._fly(key, flight)
        return self._landed(key, flight)

    def peek(self, name: str) -> Forecaster | None:
        """Return the model if it is in memory and current, and never wait; raises a `RequestError`.

        None means that `fetch` is needed.
        """
        key = self._key(name)
        now = time.monotonic()
        with self._lock:
            kept = self._current(key, now)
        if kept is None:
            return None
        if now > kept.looked + _SOON * self._revalidate_seconds:
            self.fetch(name)
        return kept.loaded

    def fetch(self, name: str) -> "Future[Forecaster]":
        """Return at once what will hold the model, or its `RequestError`; for event loops.

        All who ask for a model while it is on its way share it.  It cannot be cancelled.
        """
        key = self._key(name)
        with self._lock:
            flight, ours = self._flight(key)
        if ours:
            self._threads.submit(self._fly, key, flight)
        return flight.model

    def close(self) -> None:
        """Load nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def cached_bytes(self) -> int:
        """What they take there."""
        return self._kept_bytes

    def _current(self, key: str, now: float) -> _Kept | None:
        """Return what may be answered without asking the store; raise what was remembered of a miss."""
        kept = self._kept.get(key)
        if kept is None:
            miss = self._misses.get(key)
            if miss is not None and now < miss.until:
                raise _again(miss.error)
            return None
        self._kept.move_to_end(key)
        if now < kept.looked + self._revalidate_seconds:
            return kept
        flight = self._flights.get(key)
        held_up = now < self._unreachable_until or (flight and now > flight.started + PATIENCE_SECONDS)
        return kept if held_up and now < kept.confirmed + STALE_SECONDS else None

    def _flight(self, key: str) -> tuple[_Flight, bool]:
        """Return the flight that is to bring the model, and whether the caller has to start it."""
        if (flight := self._flights.get(key)) is not None:
            return flight, False
        flight = self._flights[key] = _Flight(Future(), time.monotonic())
        flight.model.set_running_or_notify_cancel()  # one who gives up does not take it from the others
        return flight, True

    def _fly(self, key: str, flight: _Flight) -> None:
        model: Forecaster | RequestError
        try:
            model = self._asked(key)
        except RequestError as error:
            model = error
        except Exception:  # a flight has to land for those who wait for it, and the log has the reason
            logger.exception("model %s could not be loaded", quoted(key))
            model = DefectError("the model could not be loaded; the server's log says why")
        with self._lock:
            del self._flights[key]
        if isinstance(model, RequestError):
            flight.model.set_exception(model)
        else:
            flight.model.set_result(model)

    def _landed(self, key: str, flight: _Flight) -> Forecaster:
        """Return what a flight brings, or after a while what is in memory."""
        with self._lock:
            kept = self._kept.get(key)
        replaceable = kept is not None and time.monotonic() < kept.confirmed + STALE_SECONDS
        try:
            return flight.model.result(PATIENCE_SECONDS if replaceable else LOAD_SECONDS)
        except TimeoutError:
            if kept is None or not replaceable:
                raise UnavailableError("the model is still being loaded") from None
            logger.warning("the model store is slow; %s is served as it was", quoted(key))
            return kept.loaded
        except RequestError as error:
            raise _again(error) from None

    def _asked(self, key: str) -> Forecaster:
        """Ask the store for a model and keep what it says."""
        now = time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        try:
            packed = self._read(key, known=None if kept is None else kept.packed_version)
            if packed is not None:
                kept = _Kept(self._load(packed.content), packed.version, now, now)
        except ModelNotFoundError as error:
            self._forget(key, _Miss(_again(error), now + self._revalidate_seconds))
            raise
        except RequestError as error:
            return self._held(key, kept, error).loaded
        if kept is None:
            raise DefectError("the model could not be loaded")
        kept.confirmed = kept.looked = now
        self._keep(key, kept)
        return kept.loaded

    def _read(self, key: str, *, known: str | None) -> Packed | None:
        if time.monotonic() < self._unreachable_until:
            raise UnavailableError("the model store cannot be reached")
        try:
            return self._store.read(key, known=known)
        except UnavailableError:
            self._unreachable_until = time.monotonic() + PAUSE_SECONDS
            raise

    def _held(self, key: str, kept: _Kept | None, error: RequestError) -> _Kept:
        """Return the model in memory where the store has no usable one, or raise its error."""
        now = time.monotonic()
        if kept is not None and now < kept.confirmed + STALE_SECONDS:
            logger.warning("%s is served as it was %.0f s ago: %s", quoted(key), now - kept.confirmed, error)
            kept.looked = now
            return kept
        if not isinstance(error, UnavailableError):
            self._forget(key, _Miss(_again(error), now + self._revalidate_seconds))
        raise error

    def _keep(self, key: str, kept: _Kept) -> None:
        with self._lock:
            self._drop(key)
            self._misses.pop(key, None)
            kept.memory_bytes = kept.loaded.memory_bytes + _BYTES_OF_A_PLACE
            if kept.memory_bytes > self._capacity_bytes:
                return
            self._kept[key] = kept
            self._kept_bytes += kept.memory_bytes
            while self._kept_bytes > self._capacity_bytes:
                self._drop(next(iter(self._kept)))

    def _forget(self, key: str, miss: _Miss) -> None:
        with self._lock:
            self._drop(key)
            self._misses[key] = miss
            self._misses.move_to_end(key)
            while len(self._misses) > MOST_MISSES:
                self._misses.popitem(last=False)

    def _drop(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._kept_bytes -= kept.memory_bytes


def _again(error: RequestError) -> RequestError:
    """Return the same error for another request: one that was raised holds on to where it was."""
    return type(error)(*error.args)
