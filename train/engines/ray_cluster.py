"""The Ray cluster that this process is connected to: its hosts, and whether they can do a job's work."""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from container import one_line, quoted
from fleetcast.errors import FleetcastError, SettingError
from train.channel import Customer
from train.customer import VERSIONS
from train.engines.ray_address import check_address
from train.engines.ray_host import facts, file_size, own_customers

ANSWER_SECONDS: Final = 120.0
"""How long hosts have to start a process and to answer a question."""
FILES_CHECKED: Final = 20
"""Customers' files that every host must see as this one does."""

MOST_REASON_CHARACTERS: Final = 500
AnswerT = TypeVar("AnswerT")


class HostError(FleetcastError):
    """A host of the Ray cluster cannot do the job's work."""


@dataclass(frozen=True, slots=True)
class RayHost:
    """A host of the cluster."""

    node: str
    """Ray's id of it."""
    name: str
    workers: int
    """Number of worker processes: the processors that Ray counts there."""


def pinned(node: str) -> Any:  # noqa: ANN401 -- Ray is an extra
    """Return the scheduling strategy of what must run on one host and nowhere else."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 -- an extra

    return NodeAffinitySchedulingStrategy(node, soft=False)


def is_alive(node: str) -> bool:
    """Return whether Ray counts a host as alive."""
    return any(entry["NodeID"] == node and entry["Alive"] for entry in _nodes())


def dead_hosts(hosts: Iterable[RayHost]) -> list[RayHost]:
    """Return the hosts that Ray does not count as alive."""
    alive = {entry["NodeID"] for entry in _nodes() if entry["Alive"]}
    return [host for host in hosts if host.node not in alive]


def _nodes() -> list[Mapping[str, Any]]:
    import ray  # noqa: PLC0415 -- an extra

    nodes: list[Mapping[str, Any]] = ray.nodes()
    return nodes


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to the cluster at `address`, or stay so where this process already is connected to one.

    Raises SettingError where no cluster answers.
    """
    import ray  # noqa: PLC0415 -- an extra

    if ray.is_initialized():
        yield
        return
    if not address:
        raise SettingError(
            "engine = ray needs RAY_ADDRESS, or a SageMaker job of several hosts; else use auto"
        )
    handler = signal.getsignal(signal.SIGTERM)
    try:
        check_address(address)
        ray.init(address=address, configure_logging=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SettingError(
            f"RAY_ADDRESS = {quoted(address)}: this machine is no host of a Ray cluster that answers there "
            f"({error}); accepted is the address of a cluster that it has joined, such as 10.0.0.1:6379"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray puts its own in its place
    try:
        yield
    finally:
        ray.shutdown()


def cluster_hosts(customers: Sequence[Customer]) -> list[RayHost]:
    """Return the hosts with processors, sorted by name, each after it was asked whether it can do the work.

    `customers` are those whose files every host should have.  Raises HostError for a host that does not
    answer, misses files or has other versions of the packages.
    """
    hosts = [
        RayHost(node["NodeID"], node["NodeName"], int(node["Resources"].get("CPU", 0)))
        for node in _nodes()
        if node["Alive"]
    ]
    hosts = sorted(_distinct([host for host in hosts if host.workers]), key=_order)
    if not hosts:
        raise HostError("the Ray cluster has no host with processors: start one with ray start --num-cpus")
    step = max(1, len(customers) // FILES_CHECKED)
    sizes = {path: file_size(path) for customer in customers[::step] for path in customer.paths[:1]}
    answers = on_hosts(hosts, facts, sizes)
    for host, answer in zip(hosts, answers, strict=True):
        if answer.absent:
            raise HostError(
                f"host {quoted(host.name)} does not see {quoted(answer.absent)} as this host does: put the "
                "customers' files into the same folder on every host, such as one of a shared file system"
            )
        if answer.versions != VERSIONS:
            raise HostError(
                f"host {quoted(host.name)} has {_text(answer.versions)}, this host {_text(VERSIONS)}: "
                "install the same on all hosts, as an archive must not depend on where it is made"
            )
    return hosts


def _order(host: RayHost) -> tuple[int, str]:
    return len(host.name), host.name


def _text(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _distinct(hosts: Sequence[RayHost]) -> list[RayHost]:
    """Return hosts of different names: Ray may have several on one machine."""
    count = Counter(host.name for host in hosts)
    return [
        host if count[host.name] == 1 else replace(host, name=f"{host.name} (Ray node {host.node[:8]})")
        for host in hosts
    ]


def customers_of_hosts(hosts: Sequence[RayHost], fleet: str) -> tuple[list[Customer], dict[str, str]]:
    """Return the customers that SageMaker has divided among the hosts, and the node of each by name.

    Those of each host come with the longest files first.  A customer with files on several hosts may be
    incomplete on each of them; it is at the first.
    """
    customers: dict[str, Customer] = {}
    owners: dict[str, str] = {}
    for host, found in zip(hosts, on_hosts(hosts, own_customers, fleet), strict=True):
        for customer in found:
            is_repeated = customer.name in customers
            customers[customer.name] = (
                replace(customers[customer.name], may_be_incomplete=True) if is_repeated else customer
            )
            owners.setdefault(customer.name, host.node)
    return list(customers.values()), owners


def on_hosts(hosts: Sequence[RayHost], function: Callable[..., AnswerT], *arguments: object) -> list[AnswerT]:
    """Return what a function returns on each host; raise HostError for a host where it fails."""
    import ray  # noqa: PLC0415 -- an extra

    call = ray.remote(function)
    answers = [
        call.options(num_cpus=0, max_retries=0, scheduling_strategy=pinned(host.node)).remote(*arguments)
        for host in hosts
    ]
    ready, _ = ray.wait(answers, num_returns=len(answers), timeout=ANSWER_SECONDS)
    results = []
    for host, answer in zip(hosts, answers, strict=True):
        if answer not in ready:
            raise HostError(f"host {quoted(host.name)} has not answered within {ANSWER_SECONDS:.0f} s")
        try:
            results.append(ray.get(answer))
        except ray.exceptions.RayError as error:
            raise HostError(f"host {quoted(host.name)} cannot work: {reason(error)}") from error
    return results


def reason(error: Exception) -> str:
    """Return the end of an error's text, which has the cause, as one line."""
    return one_line(" ".join(str(error).split()))[-MOST_REASON_CHARACTERS:]
