"""A refresh: from old archives and a channel with new readings to new archives, bundle and ledger."""

import logging
import time
from collections.abc import Callable, Container, Generator, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from container import Host, Paths
from fleetcast.archive import GLOBAL_NAME, SUFFIX, unpack, write_archive
from fleetcast.errors import ArchiveError, InputError, ModelFormatError
from fleetcast.global_model import GlobalModel, read_global_model
from train.channel import Customer, find_customers, is_divided
from train.customer import Failed, NotRefreshed, RefreshCustomer, RefreshOutcome, sent_archive
from train.engines import LocalEngine
from train.job import JobResult, prepare_folders, write_outcomes
from train.lock import locked
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

ARCHIVES: Final = "archives"
"""The channel of the archives to refresh; without it they are in the checkpoints."""


def run_refresh(
    paths: Paths, settings: TrainSettings, *, stopped: Callable[[], bool] = lambda: False
) -> JobResult:
    """Refresh this host's customers; once `stopped()`, write what is done, and leave the others as they are.

    Raises `InputError` and the errors of `run_job`.
    """
    host = Host.from_files(paths)
    folder = _archives(paths, host)
    global_model, further = _global_model(folder)
    customers = _customers(paths, host, folder, without=further)
    paths.checkpoints.mkdir(parents=True, exist_ok=True)
    with locked(paths.checkpoints, host.name):
        prepare_folders(paths)
        started = time.monotonic()
        if settings.engine == "ray":
            logger.info(
                "engine local, not ray: a refresh takes milliseconds per customer; each host its share"
            )
        engine = LocalEngine.of(settings)
        if folder != paths.checkpoints:
            for name, packed in further.items():
                write_archive(paths.checkpoints, name, packed)
        task = RefreshCustomer(settings, folder, global_model)
        refreshed = engine.results(task, customers, stopped=stopped)
        waiting = {customer.name: None for customer in customers}
        tally = write_outcomes(
            paths,
            customers,
            host,
            _with_old_archives(refreshed, folder, waiting),
            doing="refresh",
            also_old=folder != paths.checkpoints,
            rest=chain(_old_archives(waiting, folder), further.items()),
        )
        return JobResult(host, customers, tally, time.monotonic() - started)


def _archives(paths: Paths, host: Host) -> Path:
    """Return the folder of the archives to refresh; raise `InputError` where a host has a part of them."""
    channel = paths.channels / ARCHIVES
    if not channel.is_dir():
        return paths.checkpoints
    if host.is_presharded(ARCHIVES):
        raise InputError(
            f"the channel {ARCHIVES} is ShardedByS3Key, so that an archive may be on another host than its "
            "readings: use FullyReplicated"
        )
    return channel


def _global_model(folder: Path) -> tuple[GlobalModel | None, dict[str, bytes]]:
    """Return the model of all customers that lies beside the archives, and its archive by name.

    Without one, or where a customer has its name, they are None and empty.  Raises `InputError` for an
    archive that cannot be read.
    """
    packed = sent_archive(GLOBAL_NAME, folder).packed
    if packed is None:
        return None, {}
    try:
        content = unpack(packed).model
        return (None, {}) if isinstance(content, str) else (read_global_model(content), {GLOBAL_NAME: packed})
    except (ArchiveError, ModelFormatError) as error:
        path = f"{folder / GLOBAL_NAME}{SUFFIX}"
        raise InputError(f"{path}: {error}; put that of the training there") from error


def _customers(paths: Paths, host: Host, folder: Path, without: Container[str]) -> Sequence[Customer]:
    """Return this host's customers, sorted by name: those with readings, and those with an archive alone.

    Archives of the names `without` are no customers'.

    Under ShardedByS3Key no host knows which archives have no readings anywhere; they are left out.
    """
    names = [path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")]
    if not names:
        raise InputError(
            f"there is no archive in {folder}: run `fleetcast train` first, or mount its archives there"
        )
    if is_divided(paths, host, fleet=ARCHIVES):
        return find_customers(paths, host, fleet=ARCHIVES)
    with_readings = find_customers(paths, Host(name=host.name), fleet=ARCHIVES)
    known = {customer.name for customer in with_readings}
    others = [Customer(name, ()) for name in names if name not in known and name not in without]
    customers = sorted([*with_readings, *others], key=lambda customer: customer.name)
    if others:
        logger.info("%d more have an archive, and no readings in the channel", len(others))
    return customers[host.index :: host.hosts]


def _with_old_archives(
    outcomes: Iterable[RefreshOutcome], folder: Path, waiting: dict[str, None]
) -> Generator[RefreshOutcome, None, None]:
    """Yield the outcomes; a customer that failed keeps its old archive, if that can be read.

    The customer is removed from those that are still waiting.
    """
    for outcome in outcomes:
        waiting.pop(outcome.customer, None)
        yield _kept(outcome, folder) if isinstance(outcome, Failed) else outcome


def _old_archives(waiting: Iterable[str], folder: Path) -> Generator[tuple[str, bytes], None, None]:
    """Yield the old archives of the customers that a stopped job has not come to, for the bundle."""
    for customer in waiting:
        with suppress(OSError):
            if (packed := sent_archive(customer, folder).packed) is not None:
                yield customer, packed


def _kept(failed: Failed, folder: Path) -> NotRefreshed | Failed:
    try:
        packed = sent_archive(failed.customer, folder).packed
        if packed is None:
            return failed
        metadata = unpack(packed).metadata
    except (ArchiveError, OSError):
        return failed
    return NotRefreshed(
        customer=failed.customer,
        engine=str(metadata.get("engine", "")),
        rows=failed.rows,
        seconds=failed.seconds,
        packed=packed,
        reason=failed.reason,
        non_negative=bool(metadata.get("non_negative")),
    )
