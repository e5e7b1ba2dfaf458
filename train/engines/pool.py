"""Worker processes that take one customer after the other, and are replaced when one ends.

A job outlives each of its workers.  Cost per customer beside the task: some 50 µs to send it and to receive
the result with its archive.  A worker always has the next chunk in its pipe, so it never waits for the job.
"""

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Final, Generic, Self, TypeAlias

from fleetcast.errors import FleetcastError
from train.channel import Customer
from train.customer import Failed
from train.engines.engine import ResultT, Task
from train.engines.worker import Limits, Ready, Worker
from train.engines.worker_environment import set_variables, without_signals

MOST_PER_CHUNK: Final = 4
"""Customers that are sent to a worker at once; it gets the next chunk when half of them are done."""
SLOW_SECONDS: Final = 0.02
"""A worker whose last customer took longer gets one at a time: none waits behind a slow one without need."""
POLL_SECONDS: Final = 0.2
START_SECONDS: Final = 120
"""How long a worker process may take to start, beside what a customer may take."""


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


class Pool(Generic[ResultT]):
    """The workers, and the customers that none of them has yet; a `with` block ends with all workers."""

    def __init__(self, task: Task[ResultT], limits: Limits, workers: int) -> None:
        self._task = task
        self._limits = limits
        self._left: deque[Customer] = deque()
        set_variables()
        with (
            without_signals()
        ):  # the fork server, which starts now, passes its signal mask on to every worker
            self._workers = [self._start() for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.kill()

    @property
    def waiting(self) -> int:
        """How many customers were not sent to a worker yet."""
        return len(self._left)

    def give_back(self) -> list[Customer]:
        """Remove every other customer that was not sent to a worker yet, the first among them.

        Slow customers often lie side by side: so half of them leave too.
        """
        waiting = list(self._left)
        self._left = deque(waiting[1::2])
        return waiting[::2]

    def add(self, customers: Iterable[Customer]) -> None:
        """Put customers behind those that wait."""
        self._left.extend(customers)

    def has_work(self) -> bool:
        """Return whether a customer is still without a result."""
        return bool(self._left) or any(worker.waiting for worker in self._workers)

    def next_results(self) -> list[tuple[Customer, ResultT | Failed]]:
        """Send customers to workers that have few left, then return the results of the next moments.

        A worker whose result is there was in time, however late this is called.
        """
        self._feed()
        ready = wait([worker.connection for worker in self._workers], POLL_SECONDS)
        results: list[tuple[Customer, ResultT | Failed]] = []
        for worker in list(self._workers):
            if worker.connection in ready:
                results += self._receive(worker)
            elif worker.seconds_on_first() > (limit := self._limit_of(worker)):
                worker.kill()
                results += self._replace(worker, TimedOut(limit))
        return results

    def _limit_of(self, worker: Worker[ResultT]) -> int:
        """Return how long a worker may take: its first customer waits until the process has started."""
        return self._limits.seconds if worker.is_ready else max(self._limits.seconds, START_SECONDS)

    def _start(self) -> Worker[ResultT]:
        return Worker(self._task, self._limits)

    def _feed(self) -> None:
        for worker in self._workers:
            size = 1 if worker.last_seconds > SLOW_SECONDS else MOST_PER_CHUNK
            if self._left and len(worker.waiting) <= size // 2:
                chunk = [self._left.popleft() for _ in range(min(size, len(self._left)))]
                with suppress(OSError):  # it is dead, which `_receive` finds
                    worker.send(chunk)

    def _receive(self, worker: Worker[ResultT]) -> Iterator[tuple[Customer, ResultT | Failed]]:
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
            case result:
                yield worker.waiting.popleft(), result

    def _replace(self, worker: Worker[ResultT], end: End) -> Iterator[tuple[Customer, Failed]]:
        """Start a worker in place of one that ended; its first customer has failed, the others wait again."""
        if worker.waiting:
            failed = worker.waiting.popleft()
            yield failed, Failed(customer=failed.name, reason=_reason(end))
        self._left.extendleft(reversed(worker.waiting))
        self._workers[self._workers.index(worker)] = self._start()


def _reason(end: End) -> str:
    """Return why a customer has no result of its worker, as far as the worker's end shows it."""
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
