"""What works on a fleet: the interface between a job and the machines and processes that it runs on.

A task says what is done with a customer, an engine where and when.  `train.customer.FitCustomer` is the task
that makes archives.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeVar

from train.channel import Customer
from train.customer import Failed


class CustomerResult(Protocol):
    """What a task returns: any object that can be pickled and says whose it is."""

    @property
    def customer(self) -> str:
        """The name of the customer."""


ResultT = TypeVar("ResultT", bound=CustomerResult)
ResultT_co = TypeVar("ResultT_co", bound=CustomerResult, covariant=True)


class Task(Protocol[ResultT_co]):
    """Work on one customer at a time, such as a frozen dataclass with `__call__`; it can be pickled.

    It is sent to each worker process once, so it may hold what all customers share: settings, a model.
    """

    def __call__(self, customer: Customer, /) -> ResultT_co:
        """Work on a customer, in a worker process; an exception makes the customer `Failed`."""


class Engine(Protocol):
    """Runs a task on customers, many at a time."""

    def results(
        self, task: Task[ResultT], customers: Sequence[Customer], *, stopped: Callable[[], bool]
    ) -> Generator[ResultT | Failed, None, None]:
        """Yield one result for each customer, in any order and as soon as it is there.

        A customer for which the task raises, takes too long or kills its process is `Failed` and stops no
        other.  Once `stopped()` is true no more results come; the customers without one are left as they
        were.  When the generator ends or is closed, all of its processes end.

        Raises `WorkerStartError` where no process can begin to work.
        """
