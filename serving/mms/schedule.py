"""Shares a pool process between its requests, so that a long one does not hold up the short ones.

A request is computed in steps of a few milliseconds.  Short jobs go first, in the order of their arrival.  A
job that has used LONG_SECONDS is a long one; long jobs take turns, one step in each round of the loop.  A job
that waits for futures, such as the load of a model, is not scheduled until they are done.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from serving.errors import RequestError
from serving.steps import Steps

LONG_SECONDS: Final = 0.1
"""Processor time after which a job is a long one; a forecast of 7 days takes a thousandth of it."""
SHORT_ROUND_SECONDS: Final = 0.005
"""How long a round computes short jobs before the loop looks at its connections again."""


@dataclass(eq=False, slots=True)
class Job:
    """A request in progress."""

    steps: Steps[bytes]
    finish: Callable[[bytes], None]
    """Called with the result."""
    refuse: Callable[[RequestError], None]
    """Called with an error to end the job without a result."""
    deadline: float
    """The time, by `time.monotonic`, after which the job is refused."""
    seconds: float = 0.0
    """Processor time used so far."""


class Schedule:
    """All jobs in progress."""

    def __init__(self, soon: Callable[[Callable[[], None]], None]) -> None:
        """`soon` makes the loop call a function; it may be called from any thread."""
        self._soon = soon
        self._all: set[Job] = set()
        self._short: deque[Job] = deque()
        self._long: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._all)

    def has_step(self, *, with_long: bool) -> bool:
        """Return whether `run` would compute a step."""
        return bool(self._short or (with_long and self._long))

    def add(self, job: Job) -> None:
        """Schedule a new job."""
        self._all.add(job)
        self._short.append(job)

    def remove(self, job: Job) -> None:
        """End a job without calling it back; no effect if it has ended."""
        if job not in self._all:
            return
        self._all.remove(job)
        job.steps.close()

    def late(self) -> list[Job]:
        """Return the jobs whose deadline has passed."""
        now = time.monotonic()
        return [job for job in self._all if now > job.deadline]

    def everything(self) -> list[Job]:
        """Return all jobs in progress."""
        return list(self._all)

    def run(self, *, with_long: bool) -> None:
        """Compute one round: short jobs for a moment, then one step of a long job if `with_long`."""
        end = time.monotonic() + SHORT_ROUND_SECONDS
        while self._short and time.monotonic() < end:
            self._step(self._short.popleft())
        if with_long and self._long:
            self._step(self._long.popleft())

    def _step(self, job: Job) -> None:
        if job not in self._all:
            return
        begun = time.monotonic()
        try:
            awaited = next(job.steps)
        except StopIteration as end:
            self.remove(job)
            job.finish(end.value)
            return
        job.seconds += time.monotonic() - begun
        if awaited:
            self._wait(job, awaited)
        else:
            self._queue(job, is_long=job.seconds > LONG_SECONDS)

    def _queue(self, job: Job, *, is_long: bool) -> None:
        (self._long if is_long else self._short).append(job)

    def _wait(self, job: Job, awaited: Sequence[Future[Any]]) -> None:
        left = len(awaited)

        def count_down() -> None:
            nonlocal left
            left -= 1
            if not left and job in self._all:
                self._queue(job, is_long=job.seconds > LONG_SECONDS)

        for future in awaited:
            future.add_done_callback(lambda _future: self._soon(count_down))
