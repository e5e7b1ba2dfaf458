"""Bounds the bytes that all connections of a pool process hold together.

Beyond the budget's `max_buffered_bytes` a connection that receives more is paused, so that the bytes stay
with Multi Model Server.  Paused connections are resumed once responses have made room.  If all connections
are paused in the middle of a message, nothing can make room: then one of them is read to the end of its
message.
"""

from collections import deque
from typing import Final, Protocol

from serving.request import RequestBudget

MAX_UNSENT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of responses that Multi Model Server has not taken; beyond it, long work pauses."""


class Buffering(Protocol):
    """A connection, as far as its buffers go."""

    @property
    def held_bytes(self) -> int:
        """Bytes of received messages whose response is not sent."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes of responses that the kernel has not taken."""

    def pause_reading(self) -> None:
        """Leave further bytes with the sender."""

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""


class Buffers:
    """The sum of what all connections hold, and which of them are paused."""

    def __init__(self, budget: RequestBudget) -> None:
        self.sending: set[Buffering] = set()
        """Connections with a part of a response to send."""
        self._budget = budget
        self._held: dict[Buffering, int] = {}
        self._paused: deque[Buffering] = deque()
        self._exempt: Buffering | None = None
        """The connection that is read although the buffers are full."""

    @property
    def is_full(self) -> bool:
        """Whether connections are paused rather than read."""
        return self._budget.buffered_bytes + self._unsent_bytes() > self._budget.max_buffered_bytes

    @property
    def has_room_for_long_work(self) -> bool:
        """Whether few enough responses wait to be sent."""
        return not self.sending or self._unsent_bytes() <= MAX_UNSENT_BYTES

    def must_pause(self, connection: Buffering) -> bool:
        """Whether a connection is paused after its next read."""
        return self.is_full and connection is not self._exempt

    def message_complete(self, connection: Buffering) -> None:
        """Note that a message has been read to its end: it can be answered, which makes room."""
        if connection is self._exempt:
            self._exempt = None

    def count(self, connection: Buffering) -> None:
        """Count again what a connection holds; pause it if the buffers are full."""
        held = connection.held_bytes
        self._budget.buffered_bytes += held - self._held.get(connection, 0)
        self._held[connection] = held
        if self.must_pause(connection) and connection not in self._paused:
            connection.pause_reading()
            self._paused.append(connection)

    def remove(self, connection: Buffering) -> None:
        """Forget a connection that is closed."""
        self._budget.buffered_bytes -= self._held.pop(connection, 0)
        self.sending.discard(connection)
        if connection in self._paused:
            self._paused.remove(connection)
        if connection is self._exempt:
            self._exempt = None

    def resume(self, *, is_idle: bool) -> None:
        """Resume paused connections if there is room; only one if there is none but nothing makes any."""
        if not self._paused:
            return
        if not self.is_full:
            while self._paused:
                self._paused.popleft().resume_reading()
        elif is_idle and not self.sending and self._exempt is None:
            self._exempt = self._paused.popleft()
            self._exempt.resume_reading()

    def _unsent_bytes(self) -> int:
        return sum(connection.unsent_bytes for connection in self.sending)
