"""One connection of Multi Model Server to a pool process; it stands for one model.

Multi Model Server sends one message at a time and waits for the response.  This protocol collects the bytes
of a message, hands complete messages to its owner, one after the other, and counts in `Buffers` how many
bytes it holds.  While `Buffers` is full, it stops reading.
"""

import asyncio
import logging
from typing import Final, Protocol, cast

from serving.mms.buffers import Buffers
from serving.mms.model_state import ModelState, Unloaded
from serving.mms.protocol import Load, Predict, ProtocolError, parse
from serving.mms.schedule import Job

logger = logging.getLogger(__name__)

RECEIVE_BYTES: Final = 256 * 1024
"""Bytes that one read takes at most; all connections of a process share one buffer of this size."""
RECEIVE_BYTES_WHEN_FULL: Final = 4 * 1024
"""The same while `Buffers` is full: after such a read the connection is paused."""
_receive_buffer: Final = memoryview(bytearray(RECEIVE_BYTES))


class Owner(Protocol):
    """What a connection calls as things happen to it."""

    def handle(self, connection: "Connection", message: Load | Predict) -> None:
        """Handle a message, now or later, with `connection.respond`; may raise `ProtocolError`."""

    def response_sent(self) -> None:
        """Go on with what waited for a response to be sent."""

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""


class Connection(asyncio.BufferedProtocol):
    """A connection, from accept to close."""

    model: ModelState = Unloaded()
    """The model that the connection stands for."""
    launcher: int | None = None
    """The process id of the model's launcher."""
    job: Job | None = None
    """The prediction in progress."""
    is_closed = False

    def __init__(self, owner: Owner, buffers: Buffers, *, max_message_bytes: int) -> None:
        """Close the connection on a message of more than `max_message_bytes`."""
        self._owner = owner
        self._buffers = buffers
        self._max_message_bytes = max_message_bytes
        self._received = bytearray()
        self._message_bytes = 0
        """Size of the message in progress, 0 without one."""
        self._transport: asyncio.Transport

    @property
    def held_bytes(self) -> int:
        """Bytes of received messages whose response is not sent."""
        return len(self._received) + self._message_bytes

    @property
    def unsent_bytes(self) -> int:
        """Bytes of responses that the kernel has not taken."""
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; `pause_writing` is called whenever the kernel does not take all of a response at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- asyncio's
        """Return where received bytes go; `buffer_updated` empties it at once."""
        return (
            _receive_buffer[:RECEIVE_BYTES_WHEN_FULL] if self._buffers.must_pause(self) else _receive_buffer
        )

    def buffer_updated(self, nbytes: int) -> None:
        """Take received bytes, and handle the message if it is complete."""
        self._received += _receive_buffer[:nbytes]
        self._next()

    def eof_received(self) -> None:
        """Close the connection: Multi Model Server has unloaded the model or is gone."""
        self.close()

    def pause_writing(self) -> None:
        """Note that a part of the response is not sent."""
        self._buffers.sending.add(self)

    def resume_writing(self) -> None:
        """Note that all of the response is sent."""
        self._buffers.sending.discard(self)
        self._response_sent()
        self._owner.response_sent()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up the message in progress."""
        if exc is not None:
            logger.warning("connection to Multi Model Server lost: %s", exc)
        self.is_closed = True
        self._received.clear()
        self._message_bytes = 0
        self._buffers.remove(self)
        self._owner.closed(self)
        self.job = None

    def respond(self, content: bytes) -> None:
        """Send the response to the message in progress, and go on with the next."""
        if self.is_closed:
            return
        self.job, self._message_bytes = None, 0
        self._transport.write(content)
        self._response_sent()

    def pause_reading(self) -> None:
        """Leave further bytes with the sender."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        self._transport.resume_reading()

    def close(self) -> None:
        """Close at once, whatever is not sent."""
        self._transport.abort()

    def _response_sent(self) -> None:
        self._buffers.count(self)
        if self._received:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Handle the next message if it is complete and no other is in progress."""
        if self.is_closed:
            return
        if not self._message_bytes and not self.unsent_bytes:
            before = len(self._received)
            try:
                message = parse(self._received, max_bytes=self._max_message_bytes)
                if message is not None:
                    self._message_bytes = before - len(self._received)
                    self._buffers.message_complete(self)
                    self._owner.handle(self, message)
            except ProtocolError as error:
                logger.warning("connection to Multi Model Server closed: %s", error)
                self.close()
                return
        self._buffers.count(self)
