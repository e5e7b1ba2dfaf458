"""One large request at a time in a process, so that its memory is bounded; small ones need no turn."""

from collections import deque
from collections.abc import Callable, Generator
from typing import Final, Self

from serving.errors import UnavailableError

MOST_WAITING: Final = 2
"""Large requests that wait for another one; more are answered 503."""


class Turns:
    """The queue of the large requests of a process, the first of which works; for any thread."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self.most_waiting = most_waiting
        self._queue: deque[Turn] = deque()

    def join(self, turn: "Turn") -> None:
        """Go to the end of the queue; raise `UnavailableError` where it is full."""
        if len(self._queue) > self.most_waiting:
            raise UnavailableError(
                f"{self.most_waiting} large requests wait already; ask again, or send smaller ones"
            )
        self._queue.append(turn)

    def __len__(self) -> int:
        return len(self._queue)

    def is_first(self, turn: "Turn") -> bool:
        """Return whether it is the turn of this one."""
        return self._queue[0] is turn

    def leave(self, turn: "Turn") -> None:
        """Let the next one work."""
        self._queue.remove(turn)


class Turn:
    """The turn of one request, which ends with the block; nothing happens unless it is taken."""

    def __init__(self, turns: Turns, *, wait: Callable[[], None]) -> None:
        """`wait` is called again and again while another request is at work."""
        self._turns = turns
        self._wait = wait
        self._has_joined = False

    def __enter__(self) -> Self:
        """Begin without a turn."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the next one work."""
        if self._has_joined:
            self._turns.leave(self)

    def take(self) -> Generator[None]:
        """Yield until it is this one's turn; raise `UnavailableError` where too many wait."""
        if self._has_joined:
            return
        self._turns.join(self)
        self._has_joined = True
        while not self._turns.is_first(self):
            self._wait()
            yield
