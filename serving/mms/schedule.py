"""What a pool process does next: requests are worked on in steps of a few milliseconds, and none waits long.

Short work goes first, in the order in which it came.  Work that has taken LONG_SECONDS goes on beside it, one
step in each round of the loop.  Work that waits for futures, such as a load, takes no part until then.
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
SHORT_ROUND_SECONDS: Final = 0.005
"""How long short work goes on before the loop looks for new requests."""


@dataclass(eq=False, slots=True)
class Job:
    """A request in progress."""

    steps: Steps[bytes]
    finish: Callable[[bytes], None]
    """Is called with the result."""
    refuse: Callable[[RequestError], None]
    """Is called instead where there is none; gives the job up."""
    deadline: float
    """The time (of `time.monotonic`) after which nobody waits for the result."""
    seconds: float = 0.0
    """Of the processor, so far."""


class Schedule:
    """All jobs in progress; `soon` has the loop call a function, and may be called from any thread."""

    def __init__(self, soon: Callable[[Callable[[], None]], None]) -> None:
        self._soon = soon
        self._all: set[Job] = set()
        self._short: deque[Job] = deque()
        self._long: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._all)

    def has_step(self, *, with_long: bool) -> bool:
        """Whether `run` would make a step."""
        return bool(self._short or (with_long and self._long))

    def add(self, job: Job) -> None:
        """Take a job on."""
        self._all.add(job)
        self._short.append(job)

    def remove(self, job: Job) -> None:
        """Give a job up, or forget it once it is done."""
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
        """Do short work for a moment, and one step of long work unless that has to pause."""
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
