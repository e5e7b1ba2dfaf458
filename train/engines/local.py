"""The engine of this machine: worker processes that take one customer after the other."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Self

from train.channel import Customer
from train.customer import Failed
from train.engines.engine import ResultT, Task
from train.engines.pool import Pool
from train.engines.worker import Limits
from train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Runs a task in worker processes on this machine; see `Engine`."""

    limits: Limits
    workers: int
    """Number of worker processes."""

    @classmethod
    def of(cls, settings: TrainSettings) -> Self:
        """Return the engine with the limits and the number of workers in a job's settings."""
        return cls(Limits.of(settings), settings.workers)

    def results(
        self,
        task: Task[ResultT],
        customers: Sequence[Customer],
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[ResultT | Failed, None, None]:
        """Yield the result of each customer until all have one or `stopped()`; see `Engine`.

        A customer whose worker dies, or that takes longer than `limits.seconds`, has failed; those that wait
        behind it go to another worker.
        """
        with Pool(task, self.limits, min(self.workers, len(customers))) as pool:
            pool.add(customers)
            while pool.has_work() and not stopped():
                yield from (result for _, result in pool.next_results())
