"""A training job: from the customers of a channel to archives, bundle and ledger."""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from container import Host, Paths, progress
from fleetcast.archive import GLOBAL_NAME, BundleWriter, remove_unfinished, sync_folder, write_archive
from train.archive_writer import write_archives
from train.channel import Customer
from train.customer import FitCustomer, Outcome, RefreshOutcome, WithArchive
from train.fleet_statistics import write_statistics
from train.global_training import with_global_models
from train.job_engine import job_engine
from train.ledger import LedgerWriter
from train.lock import locked
from train.preflight import check
from train.settings import TrainSettings
from train.tally import Tally


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job has done."""

    host: Host
    customers: Sequence[Customer]
    """All that the job has, on this host or on all hosts; those without an outcome included."""
    tally: Tally
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether every customer has an outcome."""
        return self.tally.customers == len(self.customers)


def run_job(
    paths: Paths, settings: TrainSettings, *, stopped: Callable[[], bool] = lambda: False
) -> JobResult:
    """Train this host's customers; once `stopped()`, abandon those being fitted and write what is done.

    Raises `SettingError` and `InputError` for what no customer can be trained with, before anything is
    written, `TreeInUseError` where another training works on the same folders, `WorkerStartError`, and
    `FilesystemError` where the disk does not take what has to be written.
    """
    with job_engine(paths, settings) as (engine, customers, host, fleet):
        check(settings, customers)
        paths.checkpoints.mkdir(parents=True, exist_ok=True)
        with locked(paths.checkpoints, host.name):
            prepare_folders(paths)
            started = time.monotonic()
            training = with_global_models(engine, fleet, settings, stopped)
            task = FitCustomer(training.settings, paths.checkpoints)
            further = {GLOBAL_NAME: training.packed} if training.packed else {}
            for name, packed in further.items():
                write_archive(paths.checkpoints, name, packed)
            fitted = engine.results(task, customers, stopped=stopped)
            tally = write_outcomes(paths, customers, host, fitted, rest=further.items())
            result = JobResult(host, customers, tally, time.monotonic() - started)
            if settings.methods.combine is not None and result.is_complete:
                models, horizon = settings.methods.models, settings.methods.horizon
                write_statistics(
                    paths.checkpoints, host, tally.fleet, models=models, backtest_horizon=horizon
                )
            return result


def prepare_folders(paths: Paths) -> None:
    """Make the folders of the output, and remove what a killed job left in them."""
    paths.failure.unlink(missing_ok=True)
    for folder in (paths.model, paths.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (paths.checkpoints, paths.model, paths.output_data):
        remove_unfinished(folder)


def write_outcomes(  # noqa: PLR0913 - a job's parts, the last ones by name
    paths: Paths,
    customers: Sequence[Customer],
    host: Host,
    outcomes: Generator[Outcome | RefreshOutcome, None, None],
    *,
    doing: str = "train",
    also_old: bool = False,
    rest: Iterable[tuple[str, bytes]] = (),
) -> Tally:
    """Write an archive, an entry of the bundle and a line of the ledger for each outcome; return the tally.

    Bundle and ledger, `<doing>.jsonl`, appear at the end, once all archives are on the disk; with `also_old`
    also those that stay as they are in another folder.  `rest` are further entries of the bundle, customer
    and archive, which are read after the last outcome.
    """
    tally = Tally()
    with ExitStack() as stack:
        bundle = stack.enter_context(BundleWriter(paths.model / f"fleet-{host.name}.sqlite"))
        ledger = stack.enter_context(LedgerWriter(paths.output_data / f"{doing}.jsonl"))
        stack.enter_context(closing(outcomes))
        written = write_archives(outcomes, paths.checkpoints, also_old=also_old)
        for outcome in progress(stack.enter_context(closing(written)), total=len(customers), doing=doing):
            tally.add(outcome)
            ledger.add(outcome)
            if isinstance(outcome, WithArchive):
                bundle.add(outcome.customer, outcome.packed)
        for customer, packed in rest:
            bundle.add(customer, packed)
        sync_folder(paths.checkpoints)
        bundle.finish()
        ledger.finish()
    tally.log_rest()
    return tally
