"""A worker process: what runs inside it, and the job's end of the pipe to it."""

import logging
import math
import multiprocessing
import os
import resource
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, Self

from container import configure_logging
from train.channel import Customer
from train.customer import Failed
from train.engines.engine import ResultT, Task
from train.engines.worker_environment import end_with_job, own_packages_first, without_main
from train.settings import TrainSettings

METHOD: Final = "forkserver"
"""How multiprocessing starts workers: forked from a process that has no threads and has imported all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use for one customer."""

    seconds: int
    """A worker that takes longer is killed."""
    memory_bytes: int = 0
    """Its address space; 0 is no limit."""

    @classmethod
    def of(cls, settings: TrainSettings) -> Self:
        """Return the limits in a job's settings."""
        return cls(settings.customer_timeout_seconds, settings.customer_memory_bytes)


@dataclass(frozen=True, slots=True)
class Ready:
    """The first message of a worker: it has imported everything and can take customers."""


class Worker(Generic[ResultT]):
    """A process, the pipe to it, and the customers sent to it that have no result yet."""

    def __init__(self, task: Task[ResultT], limits: Limits) -> None:
        context = multiprocessing.get_context(METHOD)
        context.set_forkserver_preload([__name__])
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, task, limits), daemon=True)
        with (
            own_packages_first(),
            without_main(),
        ):  # the first start, or the first after its death, starts the fork server
            self._process.start()
        theirs.close()
        self.waiting: deque[Customer] = deque()
        self.is_ready = False
        self.last_seconds = math.inf
        """What its last customer took; infinite before the first."""
        self._since = time.monotonic()

    def send(self, chunk: list[Customer]) -> None:
        """Send customers to the process; raise OSError where it is dead."""
        if not self.waiting:
            self._since = time.monotonic()
        self.waiting.extend(chunk)
        self.connection.send(chunk)

    def receive(self) -> Ready | ResultT | Failed:
        """Return the next message; a result is that of the first of `waiting`, which the caller takes out.

        Raises EOFError or OSError where the process is dead.
        """
        message: Ready | ResultT | Failed = self.connection.recv()
        now = time.monotonic()
        if self.is_ready:
            self.last_seconds = now - self._since
        self._since = now
        self.is_ready = True
        return message

    def seconds_on_first(self) -> float:
        """Return how long the first waiting customer has been computed, in seconds; 0 where none waits."""
        return time.monotonic() - self._since if self.waiting else 0.0

    def kill(self) -> int:
        """Kill the process if it still runs; return its exit code, negative for a signal that ended it."""
        self._process.kill()
        self._process.join()
        self.connection.close()
        code = self._process.exitcode
        return 0 if code is None else code


def _work(connection: Connection, task: Task[Any], limits: Limits) -> None:
    """Be a worker: answer each customer with a result, in order, until the job closes the pipe."""
    end_with_job()
    configure_logging(os.environ)
    logging.getLogger().setLevel(logging.WARNING)  # libraries would log lines for every customer
    if limits.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, resource.RLIM_INFINITY))
    try:
        connection.send(Ready())
        while True:
            for customer in connection.recv():
                connection.send(_result(task, customer))
    except (EOFError, OSError):
        return


def _result(task: Task[ResultT], customer: Customer) -> ResultT | Failed:
    try:
        return task(customer)
    except Exception as error:  # noqa: BLE001 -- a defect met by one customer must not stop the others
        return Failed(customer=customer.name, reason=f"internal error: {type(error).__name__}: {error}")
