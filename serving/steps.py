"""Work in steps of a few milliseconds, so that an event loop can serve others between two steps.

A step is what a generator does until it yields.  It yields the futures that its next step needs, or None if
the next step may follow at once; at its end it returns the result of the work.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeAlias, TypeVar

Value = TypeVar("Value")
Awaited: TypeAlias = Sequence[Future[Any]] | None
Steps: TypeAlias = Generator[Awaited, None, Value]


def run_steps(steps: Steps[Value]) -> Value:
    """Do all the work in this thread, waiting where it has to wait, and return the result."""
    while True:
        try:
            awaited = next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        if awaited:
            wait(awaited)
