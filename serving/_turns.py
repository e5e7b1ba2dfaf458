"""Whose turn it is: requests are worked on in steps of a few milliseconds, so that none waits for a long one.

Short work goes first, in the order in which it came.  Work that has taken LONG_SECONDS goes on beside it, one
step in each round, and MOST_LONG of it at a time; the rest of the long work waits in order, because an answer
that is half made takes memory.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from serving._errors import RequestError

LONG_SECONDS: Final = 0.1
MOST_LONG: Final = 4
SHORT_ROUND_SECONDS: Final = 0.005
"""How long short work goes on before the loop looks for new requests."""

Awaited: TypeAlias = Sequence[Future[Any]] | None
"""What work waits for before its next step; None if it can go on at once."""
Steps: TypeAlias = Generator[Awaited, None, bytes]
"""Work in pieces of a few milliseconds, and its result at the end."""


@dataclass(eq=False, slots=True)
class Work:
    """A request in hand."""

    steps: Steps
    finish: Callable[[bytes], None]
    """Is called with the result."""
    refuse: Callable[[RequestError], None]
    """Is called instead where there is none; gives the work up."""
    deadline: float
    """The time (of `time.monotonic`) after which nobody waits for the result."""
    seconds: float = 0.0
    """Of the processor, so far."""
    is_long: bool = False
    """Whether it has one of the MOST_LONG places."""


class Turns:
    """All work in hand; `soon` has the loop call a function, and may be called from any thread."""

    def __init__(self, soon: Callable[[Callable[[], None]], None]) -> None:
        self._soon = soon
        self._all: set[Work] = set()
        self._short: deque[Work] = deque()
        self._long: deque[Work] = deque()
        self._waiting: deque[Work] = deque()
        """Long work without a place."""
        self._places = MOST_LONG

    def __len__(self) -> int:
        return len(self._all)

    def has_step(self, *, with_long: bool) -> bool:
        """Whether `run` would make a step."""
        return bool(self._short or (with_long and self._long))

    def add(self, work: Work) -> None:
        """Take work on."""
        self._all.add(work)
        self._short.append(work)

    def remove(self, work: Work) -> None:
        """Give work up, or forget it once it is done."""
        if work not in self._all:
            return
        self._all.remove(work)
        work.steps.close()
        if work.is_long:
            self._places += 1
            self._fill_places()

    def late(self) -> list[Work]:
        """Return the work whose deadline has passed."""
        now = time.monotonic()
        return [work for work in self._all if now > work.deadline]

    def everything(self) -> list[Work]:
        """Return all work in hand."""
        return list(self._all)

    def run(self, *, with_long: bool) -> None:
        """Do short work for a moment, and one step of long work unless that has to pause."""
        end = time.monotonic() + SHORT_ROUND_SECONDS
        while self._short and time.monotonic() < end:
            self._step(self._short.popleft())
        if with_long and self._long:
            self._step(self._long.popleft())

    def _step(self, work: Work) -> None:
        if work not in self._all:
            return
        begun = time.monotonic()
        try:
            awaited = next(work.steps)
        except StopIteration as end:
            self.remove(work)
            work.finish(end.value)
            return
        work.seconds += time.monotonic() - begun
        if awaited:
            self._wait(work, awaited)
        else:
            self._queue(work)

    def _queue(self, work: Work) -> None:
        if work not in self._all:
            return
        if work.seconds < LONG_SECONDS:
            self._short.append(work)
        elif work.is_long:
            self._long.append(work)
        else:
            self._waiting.append(work)
            self._fill_places()

    def _fill_places(self) -> None:
        while self._places and self._waiting:
            work = self._waiting.popleft()
            if work in self._all:
                self._places -= 1
                work.is_long = True
                self._long.append(work)

    def _wait(self, work: Work, awaited: Sequence[Future[Any]]) -> None:
        left = len(awaited)

        def count_down() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._queue(work)

        for future in awaited:
            future.add_done_callback(lambda _future: self._soon(count_down))
