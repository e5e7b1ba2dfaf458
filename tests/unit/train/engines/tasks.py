"""Tasks for the tests of engines, which worker processes import."""

import os
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from train.channel import Customer


@dataclass(frozen=True)
class Measured:
    """What `Measure` returns: an array whose size depends on the customer's name."""

    customer: str
    values: np.ndarray[Any, Any]
    process: int


@dataclass(frozen=True)
class Measure:
    """A task that holds an array for all customers, and counts how often it is pickled in this process."""

    factor: np.ndarray[Any, Any]
    pickled: ClassVar[list[int]] = []

    def __getstate__(self) -> dict[str, Any]:
        self.pickled.append(1)
        return self.__dict__

    def __call__(self, customer: Customer) -> Measured:
        return Measured(customer.name, np.arange(len(customer.name)) * self.factor[0], os.getpid())


@dataclass(frozen=True)
class Misbehave:
    """A task that does what the customer's name says."""

    def __call__(self, customer: Customer) -> Measured:
        result: Any = Measured(customer.name, np.zeros(1), os.getpid())
        match customer.name.split("-")[0]:
            case "raise":
                raise KeyError("a planted defect")
            case "kill":
                os.kill(os.getpid(), 9)
            case "sleep":
                time.sleep(60)
            case "lambda":
                object.__setattr__(result, "values", lambda: None)
            case _:
                pass
        return result
