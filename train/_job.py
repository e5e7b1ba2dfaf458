"""The job: what the workers find out becomes archives, bundle and ledger."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from archive import BundleWriter, remove_unfinished, sync_folder, write_archive
from container import Paths, progress
from train._channel import Customer, find_customers
from train._host import Host
from train._ledger import LedgerWriter
from train._outcome import Failed, Fitted, Outcome
from train._pool import Pool
from train._settings import TrainSettings

logger = logging.getLogger(__name__)

WRITERS = 8
"""Threads that wait for the disk: several files then share one commit of the file system's journal."""
MOST_IN_FLIGHT = 64
FAILURES_LOGGED = 10


@dataclass(slots=True)
class Tally:
    """What is kept of a whole fleet: counts, and a few numbers per customer."""

    statuses: Counter[str] = field(default_factory=Counter)
    mase: list[tuple[float, str]] = field(default_factory=list)
    """(mase, customer): held out where something was, in sample otherwise."""
    failed: list[Failed] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count a customer."""
        self.statuses[outcome.status] += 1
        if isinstance(outcome, Failed):
            self.failed.append(outcome)
            if len(self.failed) <= FAILURES_LOGGED:
                logger.warning("customer %s failed: %s", outcome.customer, outcome.reason)
            return
        measured = outcome.metrics.get("holdout") or outcome.metrics.get("in_sample") or {}
        if "mase" in measured:
            self.mase.append((measured["mase"], outcome.customer))

    @property
    def customers(self) -> int:
        """How many customers have an outcome."""
        return self.statuses.total()


@dataclass(frozen=True, slots=True)
class Finished:
    """What a job has to say at its end."""

    host: Host
    tally: Tally
    customers: list[Customer]
    """This host's."""
    seconds: float


def run_job(
    paths: Paths, settings: TrainSettings, *, stopped: Callable[[], bool] = lambda: False
) -> Finished:
    """Train this host's customers; on `stopped()` drop those in hand and write down what is done.

    Raises `archive.FilesystemError` where the disk does not take what has to be written.
    """
    started = time.monotonic()
    host = Host.from_files(paths)
    customers = find_customers(paths, host)
    for folder in (paths.checkpoints, paths.model, paths.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(paths.checkpoints)
    tally = Tally()
    with ExitStack() as stack:
        bundle = stack.enter_context(BundleWriter(paths.model / f"fleet-{host.name}.sqlite"))
        ledger = stack.enter_context(LedgerWriter(paths.output_data / "train.jsonl"))
        pool = Pool(customers, settings=settings, checkpoints=paths.checkpoints)
        fitted = stack.enter_context(closing(pool.outcomes(stopped=stopped)))
        outcomes = stack.enter_context(closing(_written(fitted, paths.checkpoints)))
        for outcome in progress(outcomes, total=len(customers), doing="train"):
            tally.add(outcome)
            ledger.add(outcome)
            if isinstance(outcome, Fitted):
                bundle.add(outcome.customer, outcome.packed)
        sync_folder(paths.checkpoints)
        bundle.finish()
        ledger.finish()
    return Finished(host, tally, customers, time.monotonic() - started)


def _written(outcomes: Iterable[Outcome], checkpoints: Path) -> Generator[Outcome, None, None]:
    """Yield the outcomes again, each once its archive is on the disk."""
    in_flight: deque[tuple[Outcome, Future[Path] | None]] = deque()
    with ThreadPoolExecutor(WRITERS) as writers:
        for outcome in outcomes:
            write = None
            if isinstance(outcome, Fitted) and outcome.status != "skipped":
                write = writers.submit(write_archive, checkpoints, outcome.customer, outcome.packed)
            in_flight.append((outcome, write))
            while in_flight and (len(in_flight) > MOST_IN_FLIGHT or _is_done(in_flight[0][1])):
                yield _finished(*in_flight.popleft())
        while in_flight:
            yield _finished(*in_flight.popleft())


def _is_done(write: Future[Path] | None) -> bool:
    return write is None or write.done()


def _finished(outcome: Outcome, write: Future[Path] | None) -> Outcome:
    if write is not None:
        write.result()
    return outcome
