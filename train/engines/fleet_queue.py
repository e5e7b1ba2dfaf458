"""The customers of a job over several hosts: which of them wait, and which are at which host.

A customer leaves the queue once, with its result or given up.  Those that a host was working on when it was
lost go to another one, each alone and after all others: a customer that takes hosts down is found, and no
other one is given up with it.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from train.channel import Customer

MOST_PER_CALL: Final = 256
"""Customers that a host gets at once."""
CALLS_PER_HOST: Final = 4
"""Into how many calls each host's share of the waiting customers is divided."""
MOST_LOSSES: Final = 2
"""Hosts that may be lost while they work on a customer; then it is given up."""


@dataclass(slots=True)
class _Line:
    """Customers that wait for one of the same hosts."""

    hosts: set[str] = field(default_factory=set)
    waiting: deque[Customer] = field(default_factory=deque)
    again: deque[Customer] = field(default_factory=deque)
    """Those that a host was working on when it was lost."""

    def take(self, *, has_none: bool) -> Iterator[Customer]:
        """Yield what a host gets, which may have customers already."""
        if not self.waiting:
            if self.again and has_none:
                yield self.again.popleft()
            return
        size = len(self.waiting) // (CALLS_PER_HOST * len(self.hosts))
        for _ in range(max(1, min(MOST_PER_CALL, size))):
            yield self.waiting.popleft()


class FleetQueue:
    """The customers of a job without a result, and the hosts that take them."""

    def __init__(
        self, customers: Sequence[Customer], hosts: Sequence[str], owners: Mapping[str, str] | None = None
    ) -> None:
        """Queue customers of different names, in this order.

        `owners` has the host of each customer by name, the only one with its files; without it every host has
        the files of all customers.
        """
        self._without_result = {customer.name for customer in customers}
        if len(self._without_result) != len(customers):
            raise ValueError("two customers have the same name")
        common = _Line(set(hosts))
        self._lines = {host: common if owners is None else _Line({host}) for host in hosts}
        for customer in customers:
            line = common if owners is None else self._lines[owners[customer.name]]
            line.waiting.append(customer)
        self._in_hand: dict[str, dict[str, Customer]] = {host: {} for host in hosts}
        self._losses: Counter[str] = Counter()

    def has_work(self) -> bool:
        """Return whether a customer is still without a result."""
        return bool(self._without_result)

    def in_hand(self, host: str) -> Collection[str]:
        """Return the names of the customers that are at a host."""
        return self._in_hand[host].keys()

    def take(self, host: str) -> Iterator[Customer]:
        """Yield the next customers for a host, which are in its hand from then on.

        There are none where all that it could take are at other hosts or done, and while it has one with
        which a host was lost: should this host be lost too, it is known why.
        """
        in_hand = self._in_hand[host]
        if any(self._losses[name] for name in in_hand):
            return
        for customer in self._lines[host].take(has_none=not in_hand):
            in_hand[customer.name] = customer
            yield customer

    def finish(self, host: str, name: str) -> bool:
        """Note a customer's result; return False where it is not the first, or not this host's to give."""
        if self._in_hand[host].pop(name, None) is None:
            return False
        self._without_result.remove(name)
        return True

    def put_back(self, host: str, names: Iterable[str]) -> None:
        """Let customers that a host has, but does not work on, wait again in front of all others."""
        in_hand = self._in_hand[host]
        for name in reversed([name for name in names if name in in_hand]):
            line = self._lines[host].again if self._losses[name] else self._lines[host].waiting
            line.appendleft(in_hand.pop(name))

    def lose(self, host: str) -> list[str]:
        """Take back what a lost host was working on; return the names of customers that are given up."""
        given_up = []
        for name, customer in self._in_hand[host].items():
            self._losses[name] += 1
            if self._losses[name] < MOST_LOSSES:
                self._lines[host].again.append(customer)
            else:
                given_up.append(name)
        self._in_hand[host] = {}
        self._without_result.difference_update(given_up)
        return given_up

    def close(self, host: str) -> list[str]:
        """Give up what only this host can take, and return those names; it gets no customers any more."""
        line = self._lines.pop(host)
        line.hosts.remove(host)
        if line.hosts:
            return []
        left = [customer.name for customer in (*line.waiting, *line.again)]
        self._without_result.difference_update(left)
        return left
