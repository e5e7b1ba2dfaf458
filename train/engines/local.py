"""Worker processes that take one customer after the other, and a job that outlives each of them.

Cost per customer beside the fit: some 50 µs for handing over and taking back, archive included.  A worker
always has the next chunk waiting, so that it never waits for the job.
"""

import logging
import multiprocessing
import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

from container import configure_logging
from fleetcast.errors import FleetcastError
from train.channel import Customer
from train.customer.outcome import Failed, Outcome
from train.customer.train_customer import fit_customer
from train.settings import TrainSettings

CUSTOMERS_PER_CHUNK = 16
LOW_WATER = 8
"""A worker with no more than this many customers waiting is handed the next chunk."""
POLL_SECONDS = 0.2
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # OpenBLAS reads it too
    # keep freed memory: each fit asks for the same half megabyte, and new pages are a tenth of its time
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}

ROOT = Path(__file__).resolve().parents[2]
"""The folder of this project's packages."""
READY = "ready"
"""A worker's first message: it has imported everything and can take customers."""


class WorkerStartError(FleetcastError):
    """A worker process ended before it could take a customer; another one would end in the same way."""


class Worker:
    """A process, the pipe to it, and the customers handed to it that it has not answered for."""

    def __init__(self, settings: TrainSettings, checkpoints: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, settings, checkpoints), daemon=True)
        self._process.start()
        theirs.close()
        self.waiting: deque[Customer] = deque()
        self.since = time.monotonic()
        self.is_ready = False

    def hand(self, chunk: list[Customer]) -> None:
        """Give the worker more to do."""
        if not self.waiting:
            self.since = time.monotonic()
        self.waiting.extend(chunk)
        self.connection.send(chunk)

    def answer(self) -> Outcome | None:
        """Return what became of the first waiting customer, or None for the message that the worker is ready.

        Raises EOFError or OSError if the worker is dead.
        """
        message: Outcome | str = self.connection.recv()
        self.since = time.monotonic()
        if isinstance(message, str):
            self.is_ready = True
            return None
        self.waiting.popleft()
        return message

    def end(self) -> int | None:
        """Kill the process if it still runs; return its exit code."""
        self._process.kill()
        self._process.join()
        self.connection.close()
        return self._process.exitcode


class Pool:
    """The workers of a job and the customers that none of them has yet."""

    def __init__(self, customers: Iterable[Customer], *, settings: TrainSettings, checkpoints: Path) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)  # the workers start afterwards and read it before NumPy loads
        multiprocessing.get_context("forkserver").set_forkserver_preload(["train.customer.train_customer"])
        self._settings = settings
        self._checkpoints = checkpoints
        self._left = deque(customers)
        with _signals_held_back():
            self._workers = [self._worker() for _ in range(min(settings.workers, len(self._left)))]

    def outcomes(self, *, stopped: Callable[[], bool] = lambda: False) -> Generator[Outcome, None, None]:
        """Yield what became of each customer, as it is known, until all are done or `stopped()`.

        A customer whose worker dies, or that takes longer than the settings allow, has failed; those that
        wait behind it are handed to another worker.
        """
        try:
            while (self._left or any(worker.waiting for worker in self._workers)) and not stopped():
                self._feed()
                yield from self._overdue()
                ready = wait([worker.connection for worker in self._workers], POLL_SECONDS)
                for worker in [worker for worker in self._workers if worker.connection in ready]:
                    yield from self._answered(worker)
        finally:
            for worker in self._workers:
                worker.end()

    def _worker(self) -> Worker:
        with (
            _own_packages_first()
        ):  # the first worker starts the fork server, and so does one after its death
            return Worker(self._settings, self._checkpoints)

    def _feed(self) -> None:
        for worker in self._workers:
            if self._left and len(worker.waiting) <= LOW_WATER:
                chunk = [self._left.popleft() for _ in range(min(CUSTOMERS_PER_CHUNK, len(self._left)))]
                with suppress(OSError):  # it died meanwhile; its next answer says so
                    worker.hand(chunk)

    def _answered(self, worker: Worker) -> Iterator[Outcome]:
        try:
            outcome = worker.answer()
        except (EOFError, OSError):
            yield from self._replace(worker)
            return
        if outcome is not None:
            yield outcome

    def _overdue(self) -> Iterator[Outcome]:
        limit = self._settings.customer_timeout_seconds
        for worker in list(self._workers):
            if worker.waiting and time.monotonic() - worker.since > limit:
                yield from self._replace(worker, f"took longer than customer_timeout_seconds = {limit}")

    def _replace(self, worker: Worker, reason: str = "") -> Iterator[Outcome]:
        """End a worker and start another; its first customer has failed, the others wait again.

        Raises `WorkerStartError` if it ended by itself before it was ready, as each of its successors would.
        """
        code = worker.end()
        if not reason and not worker.is_ready and code is not None and code > 0:
            raise WorkerStartError(
                f"a worker process ended with exit code {code} before it could take a customer; "
                "its error is in the log above"
            )
        if worker.waiting:
            failed = worker.waiting.popleft()
            yield Failed(customer=failed.name, reason=reason or _cause_of_death(code))
        self._left.extendleft(reversed(worker.waiting))
        self._workers[self._workers.index(worker)] = self._worker()


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Start processes that never see SIGINT or SIGTERM: the job decides, and they have no lines for it.

    A terminal sends Ctrl-C to all of them.  What arrives meanwhile is this process's afterwards.  The fork
    server, which starts with the first worker, hands the mask on to each later one.
    """
    resource_tracker.ensure_running()  # else it starts below, and lets both signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _own_packages_first() -> Iterator[None]:
    """Start the fork server so that it imports this project's packages, whatever else has their names.

    It is started as `python -c`, which looks into the working directory first; a folder `train` there would
    be imported in place of ours, and each worker inherits what the fork server has imported.
    """
    path = os.environ.get("PYTHONPATH")
    with _environment(
        PYTHONSAFEPATH="1", PYTHONPATH=os.pathsep.join([str(ROOT), path]) if path else str(ROOT)
    ):
        yield


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _cause_of_death(code: int | None) -> str:
    """Return why a worker ended before it answered for a customer, as far as its exit code says."""
    if code == -signal.SIGKILL:
        return (
            "its worker process was killed (SIGKILL), probably because the machine ran out of memory: "
            "use a larger instance, or shorten the history"
        )
    if code is not None and code < 0:
        return (
            f"its worker process died ({signal.Signals(-code).name}), possibly out of memory: "
            "raise customer_memory_mb, or shorten the history"
        )
    return f"its worker process ended by itself with exit code {code}; the log may have its error"


def _work(connection: Connection, settings: TrainSettings, checkpoints: Path) -> None:
    """Be a worker: answer for each customer, in order, until the job hangs up."""
    configure_logging(os.environ)
    logging.getLogger().setLevel(logging.WARNING)  # libraries would tell of every customer
    if settings.customer_memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (settings.customer_memory_bytes, resource.RLIM_INFINITY))
    try:
        connection.send(READY)
        while True:
            for customer in connection.recv():
                connection.send(_answered(customer, settings, checkpoints))
    except (EOFError, OSError):
        return


def _answered(customer: Customer, settings: TrainSettings, checkpoints: Path) -> Outcome:
    try:
        return fit_customer(customer, settings=settings, checkpoints=checkpoints)
    except Exception as error:  # noqa: BLE001 -- a defect met by one customer must not stop the others
        return Failed(customer=customer.name, reason=f"internal error: {type(error).__name__}: {error}")
