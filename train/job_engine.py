"""The engine of a job, with the customers that it has and the host in whose name the job writes."""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from container import Host, Paths
from train.channel import Customer, find_customers, is_divided
from train.engines import (
    Engine,
    LocalEngine,
    RayEngine,
    choose,
    cluster_hosts,
    connected,
    customers_of_hosts,
)
from train.settings import TrainSettings

logger = logging.getLogger(__name__)


class JobEngine(NamedTuple):
    """What runs a job's tasks, and on which customers."""

    engine: Engine
    customers: Sequence[Customer]
    """With the engine `local` those of this host, with `ray` those of all hosts."""
    host: Host
    """With the engine `ray` this host is the only one that writes, as if there were no other."""
    fleet: Sequence[Customer]
    """All customers whose readings the engine can read, those of other hosts included."""


@contextmanager
def job_engine(paths: Paths, settings: TrainSettings) -> Generator[JobEngine, None, None]:
    """Choose the engine and find the customers; be connected to the cluster until the block ends.

    Raises `InputError` and `SettingError`, and `HostError` where a host of a Ray cluster cannot work.
    """
    host = Host.from_files(paths)
    choice = choose(settings, host, os.environ)
    logger.info("engine %s: %s", choice.name, choice.reason)
    if choice.name == "local":
        customers = find_customers(paths, host, fleet=settings.methods.fleet.channel)
        yield JobEngine(LocalEngine.of(settings), customers, host, _fleet(paths, settings, host, customers))
    else:
        with connected(choice.address):
            yield _on_cluster(paths, settings, host)


def _fleet(
    paths: Paths, settings: TrainSettings, host: Host, customers: Sequence[Customer]
) -> Sequence[Customer]:
    """Return the customers that a model of all customers learns from, on each host the same if it has all."""
    channel = settings.methods.fleet.channel
    if host.hosts == 1 or not settings.methods.tries_global:
        return customers
    if is_divided(paths, host, fleet=channel):
        logger.warning(
            "each host trains a model of its own customers only: use FullyReplicated or engine = ray for one "
            "model of all customers"
        )
        return customers
    return find_customers(paths, replace(host, index=0, hosts=1, names=(host.name,)), fleet=channel)


def _on_cluster(paths: Paths, settings: TrainSettings, host: Host) -> JobEngine:
    fleet = settings.methods.fleet.channel
    alone = replace(host, index=0, hosts=1, names=(host.name,))
    owners: dict[str, str] | None = None
    if is_divided(paths, host, fleet=fleet):
        hosts = cluster_hosts([])
        customers, owners = customers_of_hosts(hosts, fleet)
    else:
        customers = find_customers(paths, alone, fleet=fleet)
        hosts = cluster_hosts(customers)
    processors = sum(each.workers for each in hosts)
    logger.info("%d customers for %d hosts with %d processors", len(customers), len(hosts), processors)
    return JobEngine(RayEngine.of(settings, hosts, paths.checkpoints, owners), customers, alone, customers)
