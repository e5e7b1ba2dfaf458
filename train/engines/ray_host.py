"""What runs on a host of a Ray cluster: the pool of worker processes there, and answers about its files.

Everything here runs in a process of Ray on that host.  `train.engines.ray_engine` makes the calls.
"""

import os
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from container import Host, Paths
from container.cluster import log_on_this_host
from train.channel import Customer, find_customers
from train.customer import VERSIONS
from train.engines.engine import Task
from train.engines.pool import Pool
from train.engines.worker import Limits

CALL_SECONDS: Final = 0.25
"""How long a call waits for results, and at most two of them a question for customers to give back."""
MOST_RESULT_BYTES: Final = 4 * 1024 * 1024
"""A call returns when it has more than this many bytes."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host says of itself before it gets work."""

    versions: Mapping[str, str]
    """Of the packages that decide what an archive holds."""
    absent: str
    """The first of some files that is not there or has another size; empty where all are as on the head."""


def facts(sizes: Mapping[str, int]) -> HostFacts:
    """Return this host's facts; `sizes` has the bytes of files that it should have, by path."""
    absent = next((path for path, size in sizes.items() if file_size(path) != size), "")
    return HostFacts(VERSIONS, absent)


def file_size(path: str) -> int:
    """Return the bytes of a file; -1 where it cannot be found."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 -- a Path takes longer to make than the call
    except OSError:
        return -1


def own_customers(fleet: str) -> list[Customer]:
    """Return the customers that SageMaker has given to this host, those with the longest files first."""
    paths = Paths.from_env(os.environ)
    customers = find_customers(paths, Host.from_files(paths), fleet=fleet)
    return sorted(customers, key=file_bytes, reverse=True)


def file_bytes(customer: Customer) -> int:
    """Return the bytes of a customer's files on this host."""
    return sum(max(0, file_size(path)) for path in customer.paths)


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What a call brings back."""

    results: Sequence[tuple[str, bytes]]
    """Names of customers, and their pickled results."""
    waiting: int
    """How many customers no worker has yet."""


class HostPool:
    """The worker processes of one host, which get customers and give results by calls."""

    def __init__(self, task: Task[Any], limits: Limits, workers: int) -> None:
        log_on_this_host()
        self._workers = workers
        self._pool = Pool(task, limits, workers)
        self._known: set[str] = set()

    def exchange(self, customers: Sequence[Customer]) -> bytes:
        """Take customers; return a pickled `HostAnswer` within some `CALL_SECONDS`.

        It returns earlier once workers would soon have nothing to do.
        """
        self._known.update(customer.name for customer in customers)
        self._pool.add(customers)
        results: list[tuple[str, bytes]] = []
        size, end = 0, time.monotonic() + CALL_SECONDS
        while self._pool.has_work() and time.monotonic() < end and size < MOST_RESULT_BYTES:
            for customer, result in self._pool.next_results():
                results.append((customer.name, pickle.dumps(result, pickle.HIGHEST_PROTOCOL)))
                size += len(results[-1][1])
            if results and self._pool.waiting < self._workers:
                break
        self._known.difference_update(name for name, _ in results)
        answer = HostAnswer(results, self._pool.waiting)
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)

    def known(self) -> set[str]:
        """Return the customers here whose result no call has returned."""
        return self._known

    def give_back(self) -> list[str]:
        """Return the names of customers that another host may take: half of those that no worker has yet."""
        names = [customer.name for customer in self._pool.give_back()]
        self._known.difference_update(names)
        return names

    def end(self) -> None:
        """End all worker processes."""
        self._pool.end()
