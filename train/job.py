"""The job: what the workers find out becomes archives, bundle and ledger."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from container import Paths, progress, quoted
from fleetcast.archive import BundleWriter, remove_unfinished, sync_folder, write_archive
from train.channel import Customer, find_customers
from train.customer.outcome import WRITTEN, Failed, Fitted, Outcome
from train.engines.local import Pool
from train.host import Host
from train.ledger import LedgerWriter
from train.lock import locked
from train.preflight import check
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

WRITERS = 8
"""Threads that wait for the disk: several files then share one commit of the file system's journal."""
MOST_IN_FLIGHT = 64
LOGGED_OF_A_KIND = 10
"""Customers with a line of their own in the log, per status; the ledger has them all."""


@dataclass(slots=True)
class Warned:
    """How many customers a kind of warning concerns, and the first of them."""

    customer: str
    sentence: str
    customers: int = 0


@dataclass(slots=True)
class Tally:
    """What is kept of a whole fleet: counts, and a few numbers per customer."""

    statuses: Counter[str] = field(default_factory=Counter)
    mase: list[tuple[float, str]] = field(default_factory=list)
    """(mase, customer): held out where something was, in sample otherwise."""
    failed: list[Failed] = field(default_factory=list)
    fallbacks: list[tuple[str, str]] = field(default_factory=list)
    """(customer, reason) of those that are `fallback` or `kept`."""
    without_engine: int = 0
    """How many of those no engine fits: a seasonal naive forecast, or the archive of an earlier job."""
    warned: dict[str, Warned] = field(default_factory=dict)
    """By kind of warning."""

    def add(self, outcome: Outcome) -> None:
        """Count a customer, and log the first few of each kind that somebody should look at."""
        self.statuses[outcome.status] += 1
        if outcome.status in ("failed", "fallback", "kept") and (
            self.statuses[outcome.status] <= LOGGED_OF_A_KIND
        ):
            logger.warning("customer %s %s: %s", quoted(outcome.customer), outcome.status, outcome.reason)
        if isinstance(outcome, Failed):
            self.failed.append(outcome)
            return
        if outcome.status in ("fallback", "kept"):
            self.fallbacks.append((outcome.customer, outcome.reason))
            self.without_engine += outcome.status == "kept" or outcome.engine == "naive"
        measured = outcome.metrics.get("holdout") or outcome.metrics.get("in_sample") or {}
        if "mase" in measured:
            self.mase.append((measured["mase"], outcome.customer))
        for kind, sentences in outcome.warnings.items():
            self.warned.setdefault(kind, Warned(outcome.customer, sentences[0])).customers += 1

    def log_rest(self) -> None:
        """Log how many customers had no line of their own, and one line for each kind of warning."""
        for status in ("failed", "fallback", "kept"):
            if (more := self.statuses[status] - LOGGED_OF_A_KIND) > 0:
                logger.warning("%d more customers are %s; the ledger says why", more, status)
        for kind, warned in self.warned.items():
            logger.warning(
                "%s: %d customers, the first %s: %s",
                kind,
                warned.customers,
                quoted(warned.customer),
                warned.sentence,
            )

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

    Raises `container.FleetcastError` for what nobody can be trained with, before anything is written,
    `TreeInUseError` where another training is at work, and `archive.FilesystemError` where the disk does not
    take what has to be written.
    """
    host = Host.from_files(paths)
    customers = find_customers(paths, host)
    check(settings, customers)
    paths.checkpoints.mkdir(parents=True, exist_ok=True)
    with locked(paths.checkpoints, host.name):
        paths.failure.unlink(missing_ok=True)
        for folder in (paths.model, paths.output_data):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (paths.checkpoints, paths.model, paths.output_data):
            remove_unfinished(folder)
        return _trained(paths, settings, host, customers, stopped)


def _trained(
    paths: Paths, settings: TrainSettings, host: Host, customers: list[Customer], stopped: Callable[[], bool]
) -> Finished:
    started = time.monotonic()
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
    tally.log_rest()
    return Finished(host, tally, customers, time.monotonic() - started)


def _written(outcomes: Iterable[Outcome], checkpoints: Path) -> Generator[Outcome, None, None]:
    """Yield the outcomes again, each once its archive is on the disk."""
    in_flight: deque[tuple[Outcome, Future[Path] | None]] = deque()
    with ThreadPoolExecutor(WRITERS) as writers:
        for outcome in outcomes:
            write = None
            if isinstance(outcome, Fitted) and outcome.status in WRITTEN:
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
