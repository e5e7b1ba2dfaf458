"""Tasks for the tests of engines, which worker processes import."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil

from train.channel import Customer


@dataclass(frozen=True)
class Measured:
    """What `Measure` returns: an array whose size depends on the customer's name."""

    customer: str
    values: np.ndarray[Any, Any]
    process: int
    raylet: int = 0


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
class Sleep:
    """A task that takes this many seconds and tells where it ran."""

    seconds: float

    def __call__(self, customer: Customer) -> Measured:
        time.sleep(self.seconds)
        return Measured(customer.name, np.zeros(1), os.getpid(), int(os.environ.get("RAY_RAYLET_PID", "0")))


@dataclass(frozen=True)
class Endless:
    """A task that writes its process id to a file and never ends."""

    file: Path

    def __call__(self, _: Customer) -> Measured:
        atomic = self.file.with_suffix(".new")
        atomic.write_text(str(os.getpid()))
        atomic.rename(self.file)
        while True:
            time.sleep(60)


def raylet() -> int:
    """Return the process id of Ray's own process on this host, which Ray tells its workers."""
    return int(os.environ["RAY_RAYLET_PID"])


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
            case "actor":  # the parent of the fork server
                os.kill(psutil.Process(os.getppid()).ppid(), 9)
            case "host":
                os.kill(raylet(), 9)
                time.sleep(60)
            case "lambda":
                object.__setattr__(result, "values", lambda: None)
            case _:
                pass
        return result
