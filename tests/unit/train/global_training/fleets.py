"""Fleets of customers' files, and an engine without processes."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fleetcast.forecasting.arrays import Vector
from tests.unit.fleetcast.global_model.fleets import readings, stamps
from tests.unit.jobs import HEADER
from train.channel import Customer
from train.customer import Failed
from train.engines.engine import ResultT, Task


def csv(freq: str, y: Vector, *, columns: Mapping[str, Vector] | None = None) -> str:
    """Return a customer's file; steps whose reading is NaN have no row."""
    columns = columns or {}
    times = stamps(freq, y.size).view("datetime64[us]").astype("datetime64[s]")
    lines = [HEADER.strip() + "".join(f",{name}" for name in columns)]
    table = np.column_stack((y, *columns.values()))
    rows = np.flatnonzero(np.isfinite(y)).tolist()
    lines += [",".join([str(times[i]), *(f"{value:.6g}" for value in table[i])]) for i in rows]
    return "\n".join(lines) + "\n"


def daily(customers: int, days: int = 120, *, first: int = 0) -> dict[str, str]:
    """Return files of daily readings by name."""
    numbers = range(first, first + customers)
    return {f"c{n:02d}/data.csv": csv("D", readings("D", days, n)) for n in numbers}


@dataclass(frozen=True)
class InThisProcess:
    """An engine that runs a task here, one customer after the other."""

    dying: frozenset[str] = frozenset()
    """Customers whose processes die."""
    last_first: bool = False
    """Whether the last customer is the first that has a result: workers answer in any order."""

    def results(
        self, task: Task[ResultT], customers: Sequence[Customer], *, stopped: Callable[[], bool]
    ) -> Generator[ResultT | Failed, None, None]:
        """See `Engine`."""
        for customer in customers[::-1] if self.last_first else customers:
            if stopped():
                return
            if customer.name in self.dying:
                yield Failed(customer=customer.name, reason="its process died")
            else:
                yield task(customer)
