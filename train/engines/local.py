"""The engine of this machine: worker processes that take one customer after the other.

A job outlives each of its workers.  Cost per customer beside the fit: some 50 µs to send it and to receive
the outcome with its archive.  A worker always has the next chunk in its pipe, so it never waits for the job.
"""

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final, TypeAlias

from fleetcast.errors import FleetcastError
from train.channel import Customer
from train.customer import Failed, Outcome
from train.engines.worker import Ready, Worker
from train.engines.worker_environment import set_variables, without_signals
from train.settings import TrainSettings

CUSTOMERS_PER_CHUNK: Final = 16
LOW_WATER: Final = 8
"""A worker with at most this many waiting customers gets the next chunk."""
POLL_SECONDS: Final = 0.2


class WorkerStartError(FleetcastError):
    """A worker process ended before it could take a customer; another one would end in the same way."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A worker was killed because one customer took longer than this many seconds."""

    limit: int


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended by itself or by a signal from elsewhere; the code is negative for a signal."""

    exit_code: int


End: TypeAlias = TimedOut | Died


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Fits customers in `settings.workers` processes on this machine; see `Engine`."""

    settings: TrainSettings
    checkpoints: Path

    def outcomes(
        self, customers: Sequence[Customer], *, stopped: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome, None, None]:
        """Yield the outcome of each customer until all have one or `stopped()`; see `Engine`.

        A customer whose worker dies, or that takes longer than `customer_timeout_seconds`, has failed; those
        that wait behind it go to another worker.
        """
        set_variables()
        pool = _Pool(customers, self.settings, self.checkpoints)
        try:
            while pool.has_work() and not stopped():
                yield from pool.next_outcomes()
        finally:
            pool.end()


class _Pool:
    """The workers, and the customers that none of them has yet."""

    def __init__(self, customers: Iterable[Customer], settings: TrainSettings, checkpoints: Path) -> None:
        self._settings = settings
        self._checkpoints = checkpoints
        self._left = deque(customers)
        with (
            without_signals()
        ):  # the fork server, which starts now, passes its signal mask on to every worker
            self._workers = [self._start() for _ in range(min(settings.workers, len(self._left)))]

    def has_work(self) -> bool:
        """Return whether a customer is still without an outcome."""
        return bool(self._left) or any(worker.waiting for worker in self._workers)

    def next_outcomes(self) -> Iterator[Outcome]:
        """Send customers to workers that have few left, then yield the outcomes of the next moments."""
        self._feed()
        for worker in list(self._workers):
            if worker.seconds_on_first() > self._settings.customer_timeout_seconds:
                worker.kill()
                yield from self._replace(worker, TimedOut(self._settings.customer_timeout_seconds))
        ready = wait([worker.connection for worker in self._workers], POLL_SECONDS)
        for worker in [worker for worker in self._workers if worker.connection in ready]:
            yield from self._receive(worker)

    def end(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.kill()

    def _start(self) -> Worker:
        return Worker(self._settings, self._checkpoints)

    def _feed(self) -> None:
        for worker in self._workers:
            if self._left and len(worker.waiting) <= LOW_WATER:
                chunk = [self._left.popleft() for _ in range(min(CUSTOMERS_PER_CHUNK, len(self._left)))]
                with suppress(OSError):  # it is dead, which `_receive` finds
                    worker.send(chunk)

    def _receive(self, worker: Worker) -> Iterator[Outcome]:
        try:
            message = worker.receive()
        except (EOFError, OSError):
            code = worker.kill()
            if not worker.is_ready and code > 0:
                raise WorkerStartError(
                    f"a worker process ended with exit code {code} before it could take a customer; "
                    "its error is in the log above"
                ) from None
            yield from self._replace(worker, Died(code))
            return
        match message:
            case Ready():
                return
            case outcome:
                yield outcome

    def _replace(self, worker: Worker, end: End) -> Iterator[Outcome]:
        """Start a worker in place of one that ended; its first customer has failed, the others wait again."""
        if worker.waiting:
            failed = worker.waiting.popleft()
            yield Failed(customer=failed.name, reason=_reason(end))
        self._left.extendleft(reversed(worker.waiting))
        self._workers[self._workers.index(worker)] = self._start()


def _reason(end: End) -> str:
    """Return why a customer has no outcome of its worker, as far as the worker's end shows it."""
    match end:
        case TimedOut(limit):
            return f"took longer than customer_timeout_seconds = {limit}"
        case Died(code) if code == -signal.SIGKILL:
            return (
                "its worker process was killed (SIGKILL), probably because the machine ran out of memory: "
                "use a larger instance, or shorten the history"
            )
        case Died(code) if code < 0:
            return (
                f"its worker process died ({signal.Signals(-code).name}), possibly out of memory: "
                "raise customer_memory_mb, or shorten the history"
            )
        case Died(code):
            return f"its worker process ended by itself with exit code {code}; the log may have its error"
