"""One of Multi Model Server's connections to the pool: bytes come in and go out, and nobody is waited for."""

import socket
from dataclasses import dataclass, field
from typing import Final

from serving.errors import RequestError
from serving.mms.protocol import Load, Predict, parse
from serving.mms.schedule import Job
from serving.models import Forecaster

MOST_BYTES_AT_ONCE: Final = 256 * 1024


@dataclass(eq=False, slots=True)
class Connection:
    """Stands for one model; Multi Model Server sends one message at a time and waits for its answer."""

    socket: socket.socket
    load: Load | None = None
    launcher: int | None = None
    """The process id of the launcher that the model has."""
    model: Forecaster | None = None
    refused: RequestError | None = None
    """Why there is no model."""
    job: Job | None = None
    """The message that is being answered."""
    job_bytes: int = 0
    """Of that message's bodies."""
    held_bytes: int = 0
    """Of messages and answers, as the pool last counted them."""
    events: int = 0
    """What the pool's selector tells of."""
    is_paused: bool = False
    """Whether nothing is read for now."""
    _incoming: bytearray = field(default_factory=bytearray)
    _unsent: memoryview = field(default_factory=lambda: memoryview(b""))

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self.socket.fileno() < 0

    @property
    def bytes_in_hand(self) -> int:
        """Of what came and is not answered yet, and of what is not sent yet."""
        return len(self._incoming) + self.job_bytes + len(self._unsent)

    @property
    def unsent_bytes(self) -> int:
        """Of the answer."""
        return len(self._unsent)

    @property
    def has_more(self) -> bool:
        """Whether the last message is answered and something came after it."""
        return self.job is None and not self._unsent and bool(self._incoming)

    def receive(self) -> bool:
        """Take what the kernel has; return False at the end of the stream.  Raises OSError."""
        try:
            received = self.socket.recv(MOST_BYTES_AT_ONCE)
        except BlockingIOError:
            return True
        self._incoming += received
        return bool(received)

    def message(self, *, most_bytes: int) -> Load | Predict | None:
        """Return the next message if all of it is there and the last one is answered; see `parse`."""
        if self.job is not None or self._unsent:
            return None
        return parse(self._incoming, most_bytes=most_bytes)

    def put(self, content: bytes) -> None:
        """Have an answer sent, as far as that can be done at once.  Raises OSError."""
        self.job, self.job_bytes = None, 0
        self._unsent = memoryview(content)
        self.flush()

    def flush(self) -> None:
        """Send what the kernel takes.  Raises OSError."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give up the work in progress."""
        self.socket.close()
        self.job, self.job_bytes = None, 0
        self._incoming.clear()
        self._unsent = memoryview(b"")
