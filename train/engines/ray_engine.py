"""The engine of several machines: a pool of worker processes on each host of a Ray cluster, and one queue.

This process holds the queue.  Each host has an actor, placed on it by hand, that runs the pool.  A call takes
customers there and brings results back; each host has two calls under way, so that it need not wait for this
process.  A result that is lost with a host is computed again by another one.
"""

import errno
import logging
import pickle
import time
from collections.abc import Callable, Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeAlias

from container import quoted
from fleetcast.errors import FleetcastError
from train.channel import Customer, SentArchive
from train.customer import Failed, sent_archive
from train.engines.engine import ResultT, Task
from train.engines.fleet_queue import MOST_LOSSES, FleetQueue
from train.engines.pool import MOST_PER_CHUNK
from train.engines.ray_cluster import RayHost, is_alive, pinned, reason
from train.engines.ray_host import HostAnswer, HostPool, file_bytes
from train.engines.worker import Limits
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

OnAnswer: TypeAlias = Callable[["_Link", Any], Iterable[Any]]

CALLS_UNDER_WAY: Final = 2
"""Calls of one host at a time: the second is there when the first returns."""
POLL_SECONDS: Final = 0.2
RETRY_SECONDS: Final = 1.0
"""How long after a lost answer a host is asked again."""
SILENT_SECONDS: Final = 120.0
"""How long a host may give no answer; Ray finds most lost hosts earlier."""
MOST_STARTS: Final = 3
"""How often the pool of a host is started if its processes die and the host does not."""
END_SECONDS: Final = 5.0
"""How long the hosts have to end their worker processes before Ray kills the actors."""
MOST_SENT_BYTES: Final = 8 * 1024 * 1024
"""Earlier archives in one call; beyond it the call has fewer customers."""


class HostsLostError(FleetcastError):
    """No host is left that could do the rest of the work."""


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Runs a task on the hosts of the Ray cluster that this process is connected to; see `Engine`."""

    limits: Limits
    hosts: Sequence[RayHost]
    checkpoints: Path
    """Folder of earlier archives, on this host; each customer is sent with its own."""
    owners: Mapping[str, str] | None = None
    """The node of each customer by name, where only one host has its files; else every host has all."""

    @classmethod
    def of(
        cls,
        settings: TrainSettings,
        hosts: Sequence[RayHost],
        checkpoints: Path,
        owners: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the engine with the limits in a job's settings."""
        return cls(Limits.of(settings), hosts, checkpoints, owners)

    def results(
        self,
        task: Task[ResultT],
        customers: Sequence[Customer],
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[ResultT | Failed, None, None]:
        """Yield the result of each customer until all have one or `stopped()`; see `Engine`.

        Customers have different names; those with the longest files come first.  A customer is also `Failed`
        if `MOST_LOSSES` hosts were lost while they worked on it, or the only one that has its files.

        Raises `HostsLostError` where no host is left.
        """
        fleet = _Fleet(self, task, sorted(customers, key=file_bytes, reverse=True))
        try:
            while fleet.has_work() and not stopped():
                yield from fleet.next_results()
        finally:
            fleet.end()


@dataclass(slots=True, eq=False)
class _Link:
    """A host and its actor."""

    host: RayHost
    actor: Any
    starts: int = 1
    exchanges: int = 0
    """Calls under way that take customers there and bring results back."""
    waiting: int = 0
    """Customers there that no worker has yet, as of its last answer."""
    is_asked: bool = False
    """Whether another call is under way."""
    is_sure: bool = False
    """Whether it is known which customers it has: not before its first answer, nor after one was lost."""
    last_asked: float = 0.0
    silent: float = 0.0
    """Seconds that this process has waited for its answer."""


class _Fleet(Generic[ResultT]):
    """The hosts at work on a task, and the queue."""

    def __init__(self, engine: RayEngine, task: Task[ResultT], customers: Sequence[Customer]) -> None:
        self._engine = engine
        self._task = task
        self._queue = FleetQueue(customers, [host.node for host in engine.hosts], engine.owners)
        self._links = [_Link(host, self._start(host)) for host in engine.hosts]
        self._calls: dict[Any, tuple[_Link, OnAnswer]] = {}
        """Calls under way by Ray's reference, and what is done with the answer."""
        self._losses: list[str] = []

    def has_work(self) -> bool:
        """Return whether a customer is still without a result."""
        return self._queue.has_work()

    def next_results(self) -> Iterator[ResultT | Failed]:
        """Send customers to hosts that can take more, then yield what the next answer brings."""
        import ray  # noqa: PLC0415 -- an extra

        for link in list(self._links):
            if link.silent > SILENT_SECONDS:
                yield from self._lose(link, f"no answer for {SILENT_SECONDS:.0f} s")
            elif link.is_sure:
                self._feed(link)
            else:
                self._ask_what_it_has(link)
        self._share_again()
        started = time.monotonic()
        answered = ray.wait(list(self._calls), timeout=POLL_SECONDS)[0] if self._calls else []
        if not self._calls:
            time.sleep(POLL_SECONDS)
        for link in self._links:
            if link.exchanges or not link.is_sure:
                link.silent += time.monotonic() - started
        for call in answered:
            yield from self._answer(call)

    def end(self) -> None:
        """End the worker processes of all hosts, and the actors."""
        import ray  # noqa: PLC0415 -- an extra

        with suppress(ray.exceptions.RayError):
            ends = [link.actor.end.remote() for link in self._links]
            ray.wait(ends, num_returns=len(ends), timeout=END_SECONDS)
        for link in self._links:
            _kill(link.actor)

    def _start(self, host: RayHost) -> Any:  # noqa: ANN401 -- Ray's handle has the methods of `HostPool`
        import ray  # noqa: PLC0415 -- an extra

        actor = ray.remote(HostPool).options(num_cpus=0, scheduling_strategy=pinned(host.node))
        return actor.remote(self._task, self._engine.limits, host.workers)

    def _feed(self, link: _Link) -> None:
        """Give a host its next calls; with no customers for it, a call fetches the results that it owes."""
        while link.exchanges < CALLS_UNDER_WAY:
            customers = self._next_customers(link) if link.waiting < link.host.workers else []
            if not customers and (link.exchanges or not self._queue.in_hand(link.host.node)):
                return
            self._calls[link.actor.exchange.remote(customers)] = link, self._results
            link.exchanges += 1

    def _next_customers(self, link: _Link) -> list[Customer]:
        customers, size = [], 0
        for customer in self._queue.take(link.host.node):
            customers.append(self._with_archive(customer))
            size += len(_packed(customers[-1]))
            if size > MOST_SENT_BYTES:
                break
        return customers

    def _with_archive(self, customer: Customer) -> Customer:
        """Return the customer with the archive that an earlier job left here."""
        try:
            return replace(customer, sent=sent_archive(customer.name, self._engine.checkpoints))
        except OSError as error:
            sent = SentArchive(None)
            if error.errno == errno.ENAMETOOLONG:  # which the task refuses in better words
                return replace(customer, sent=sent)
            problem = customer.problem or f"{Path(error.filename).name}: {error.strerror}"
            return replace(customer, sent=sent, problem=problem)

    def _ask_what_it_has(self, link: _Link) -> None:
        """Ask a host for its customers once no exchange with it is under way, and not too often."""
        is_due = time.monotonic() - link.last_asked > RETRY_SECONDS
        if is_due and not link.exchanges and not link.is_asked:
            self._calls[link.actor.known.remote()] = link, self._put_unknown_back
            link.last_asked, link.is_asked = time.monotonic(), True

    def _share_again(self) -> None:
        """If a host has nothing to do, ask the one with the most customers to give half of them back."""
        if self._engine.owners is not None or all(link.exchanges or not link.is_sure for link in self._links):
            return
        link = max(self._links, key=self._has_too_many)
        if link.is_sure and not link.is_asked and self._has_too_many(link) > 0:
            self._calls[link.actor.give_back.remote()] = link, self._take_back
            link.is_asked = True

    def _has_too_many(self, link: _Link) -> int:
        """Return how many customers a host has beyond what its workers have as a rule."""
        return len(self._queue.in_hand(link.host.node)) - MOST_PER_CHUNK * link.host.workers

    def _answer(self, call: Any) -> Iterable[ResultT | Failed]:  # noqa: ANN401 -- Ray's reference
        """Return what an answer brings; one that is lost makes the host unsure, and one of Ray may end it."""
        import ray  # noqa: PLC0415 -- an extra

        link, on_answer = self._calls.pop(call)
        is_exchange = on_answer == self._results
        if is_exchange:
            link.exchanges -= 1
        else:
            link.is_asked = False
        try:
            answer = ray.get(call)
        except ray.exceptions.ActorUnavailableError as error:
            self._doubt(link, error)
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.RayTaskError,
            ray.exceptions.ActorUnschedulableError,
        ) as error:
            return self._lose(link, reason(error))
        except ray.exceptions.RayError as error:
            self._doubt(link, error)
        else:
            link.silent = 0.0
            return on_answer(link, answer)
        return ()

    def _results(self, link: _Link, answer: bytes) -> Iterable[ResultT]:
        content: HostAnswer = pickle.loads(answer)  # noqa: S301 -- it comes from our own actor
        link.waiting = content.waiting
        fresh = [result for name, result in content.results if self._queue.finish(link.host.node, name)]
        if link.is_sure:
            self._feed(link)
        return map(pickle.loads, fresh)

    def _put_unknown_back(self, link: _Link, known: Container[str]) -> tuple[()]:
        """Take a host in reach as sure: what it does not know was lost on its way, there or back."""
        link.is_sure = True
        names = [name for name in self._queue.in_hand(link.host.node) if name not in known]
        self._queue.put_back(link.host.node, names)
        return ()

    def _take_back(self, link: _Link, names: Collection[str]) -> tuple[()]:
        link.waiting -= len(names)
        self._queue.put_back(link.host.node, names)
        return ()

    def _doubt(self, link: _Link, error: Exception) -> None:
        """Ask a host which customers it has: an answer was lost, but the host may be there still."""
        logger.warning("host %s is out of reach: %s", quoted(link.host.name), reason(error))
        link.is_sure = False

    def _lose(self, link: _Link, why: str) -> list[Failed]:
        """Take a host's customers back, and start its pool again if only its processes have died.

        Returns the customers that are given up.
        """
        host = link.host
        lives = is_alive(host.node)
        why = why if lives else "Ray counts it as dead"
        self._links.remove(link)
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not link}
        _kill(link.actor)
        in_hand = len(self._queue.in_hand(host.node))
        logger.warning("host %s is lost while it worked on %d customers: %s", quoted(host.name), in_hand, why)
        reason_of_loss = (
            f"{MOST_LOSSES} hosts were lost while they worked on it, the last one {host.name}: {why}"
        )
        failed = [Failed(customer=name, reason=reason_of_loss) for name in self._queue.lose(host.node)]
        if lives and link.starts < MOST_STARTS:
            self._links.append(_Link(host, self._start(host), link.starts + 1))
            return failed
        self._losses.append(f"{host.name}: {why}")
        left = self._queue.close(host.node)
        if left and self._engine.owners is None:
            raise HostsLostError(
                f"all hosts of the Ray cluster are lost ({'; '.join(self._losses)}); what is written stays: "
                "run the same command again for the other customers"
            )
        reason_of_owner = f"host {host.name}, the only one with its files, was lost: {why}"
        return failed + [Failed(customer=name, reason=reason_of_owner) for name in left]


def _packed(customer: Customer) -> bytes:
    return (customer.sent and customer.sent.packed) or b""


def _kill(actor: Any) -> None:  # noqa: ANN401 -- Ray's handle
    import ray  # noqa: PLC0415 -- an extra

    with suppress(ray.exceptions.RayError):
        ray.kill(actor)
