"""The task of a skewed fleet, in a module of its own so that other processes can import it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from train.channel import Customer
from train.engines import LocalEngine
from train.engines.worker import Limits


@dataclass(frozen=True)
class Done:
    """A customer that was slept for."""

    customer: str


@dataclass(frozen=True)
class SleepAsNamed:
    """Sleeps as long as the customer's problem says, in seconds."""

    def __call__(self, customer: Customer) -> Done:
        """Sleep, and return the customer's name."""
        time.sleep(float(customer.problem))
        return Done(customer.name)


def seconds_of_share(share: Sequence[Customer]) -> float:
    """Return the seconds that one worker process of the engine `local` takes for some customers."""
    started = time.perf_counter()
    done = len(list(LocalEngine(Limits(60), 1).results(SleepAsNamed(), share)))
    if done != len(share):
        raise SystemExit("not every customer has a result")
    return time.perf_counter() - started
