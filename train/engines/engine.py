"""What trains a fleet: the interface between a job and the machines and processes that fit its customers.

An engine decides where and when a customer is fitted, not how: `train.customer.train_customer` does that.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from train.channel import Customer
from train.customer import Outcome


class Engine(Protocol):
    """Fits customers, many at a time."""

    def outcomes(
        self, customers: Sequence[Customer], *, stopped: Callable[[], bool]
    ) -> Generator[Outcome, None, None]:
        """Yield one outcome for each customer, in any order and as soon as it is there.

        A customer that cannot be fitted, even one that kills its process, is `Failed` and stops no other.
        Once `stopped()` is true no more outcomes come; the customers without one are left as they were.  When
        the generator ends or is closed, all of its processes end.

        Raises `WorkerStartError` where no process can begin to work.
        """
