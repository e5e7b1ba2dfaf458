"""gunicorn's threaded worker, but a thread gets a request only when all of it is there.

gunicorn's own threads read from the client, so that a few slow clients keep them all.  Here the worker's loop
collects the bytes, gives up on who takes too long, refuses what there is no room for before it costs
anything, and keeps a thread free for everything but forecasts: /ping is answered while all others compute.
"""

import re
import selectors
import socket
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from serving._answer import refusal
from serving._errors import RequestError, TooLargeError, UnavailableError

RECEIVE_SECONDS: Final = 20.0
"""For a request, from its first byte or from the connection to its last."""
QUIET_SECONDS: Final = 1.0
"""A worker that is told to stop refuses what comes, until nothing came for so long."""
LAST_SECONDS: Final = 15.0
"""Or at last until this."""
SEND_SECONDS: Final = 20
"""Without any progress."""
MOST_HEAD_BYTES: Final = 64 * 1024
MOST_PASSED_OVER: Final = 64 * 1024 * 1024
MOST_BYTES_AT_ONCE: Final = 256 * 1024
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_TIMEOUT: Final = struct.pack("ll", SEND_SECONDS, 0)


def _refusal(error: RequestError, *, is_last: bool) -> bytes:
    """Return an answer as it goes over the wire."""
    answered = refusal(error)
    headers = {"Content-Type": answered.content_type, "Content-Length": str(len(answered.body))}
    headers |= dict(answered.headers) | ({"Connection": "close"} if is_last else {})
    lines = [f"HTTP/1.1 {int(answered.status)} {answered.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answered.body


@dataclass(slots=True, eq=False)
class _Incoming:
    """A request on its way."""

    deadline: float
    content: bytearray = field(default_factory=bytearray)
    passed_over: int = 0
    """Bytes of a body that is too large; a client that still sends would not see the refusal."""
    needed: int | None = None
    """Bytes of head and body, once the head is there."""
    chunked: bool = False
    too_large: bool = False

    def take(self, received: bytes, *, most_bytes: int) -> bool:
        """Add bytes; return whether the parser can go on without waiting for the client.

        That is also so for a head or chunks that are too large, which it refuses.
        """
        if self.too_large:
            self.passed_over += len(received)
        else:
            self.content += received
        if self.needed is None and not self.chunked:
            self._read_head(most_bytes)
        if self.needed is not None:
            return len(self.content) + self.passed_over >= self.needed
        if self.chunked:
            return self.content.endswith(_LAST_CHUNK) or len(self.content) > most_bytes
        return len(self.content) > MOST_HEAD_BYTES

    def _read_head(self, most_bytes: int) -> None:
        end = self.content.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.content[: end + 2])
        if _CHUNKED.search(head):
            self.chunked = True
            return
        lengths = _CONTENT_LENGTH.findall(head)
        length = int(lengths[0]) if len(lengths) == 1 else 0
        self.needed = end + 4 + length
        if length > most_bytes:
            self.too_large, self.needed = True, min(self.needed, MOST_PASSED_OVER)

    def awaits_consent(self) -> bool:
        """Return whether the client sends the body only when told to."""
        return self.content.endswith(b"\r\n\r\n") and _EXPECT.search(self.content) is not None


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """See the module."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- gunicorn's own
        super().__init__(*args, **kwargs)
        self._incoming: dict[TConn, _Incoming] = {}
        self._forecasts = 0
        self._under_way = 0
        self._most_forecasts: int = self.app.settings.job_queue_size + self.cfg.threads
        self._most_bytes: int = self.app.settings.max_request_bytes
        self._others = ThreadPoolExecutor(1, "others")
        self._closing = ThreadPoolExecutor(1, "closing")
        self._stop_at: float | None = None
        self._last_request = 0.0

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401, ARG002 -- a signal's handler
        """Refuse requests from now on; connections that wait to be accepted are not cut off."""
        if self._stop_at is None:
            self._stop_at = time.monotonic()
            self.method_queue.defer(lambda: None)  # wakes the loop

    def enqueue_req(self, conn: TConn) -> None:
        """Collect the request that begins on a connection."""
        held = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.settimeout(0)
        self._incoming[conn] = _Incoming(time.monotonic() + RECEIVE_SECONDS, bytearray(held))
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, conn))
        self._collect(conn, conn.sock)

    def murder_pending(self) -> None:
        """Give up on requests that take too long; gunicorn's loop calls this every second."""
        now = time.monotonic()
        for conn, incoming in list(self._incoming.items()):
            if self.alive and now < incoming.deadline:
                break  # they are in the order of their deadlines
            self._drop(conn)
        if self._stop_at is not None and self.alive:
            quiet = now > self._last_request + QUIET_SECONDS and not self._under_way
            at_once = quiet and not self.nr_conns
            waited = now > self._stop_at + QUIET_SECONDS and quiet
            self.alive = not (at_once or waited or now > self._stop_at + LAST_SECONDS)

    def _collect(self, conn: TConn, sock: socket.socket) -> None:
        incoming = self._incoming[conn]
        try:
            received = sock.recv(MOST_BYTES_AT_ONCE)
            if not received:
                self._drop(conn)
                return
        except BlockingIOError:
            received = b""
        except OSError:
            self._drop(conn)
            return
        was_too_large = incoming.too_large
        is_whole = incoming.take(received, most_bytes=self._most_bytes)
        if incoming.too_large and not was_too_large:
            error = TooLargeError(f"a request may have {self._most_bytes} bytes")
            self._send_refusal(conn, error, is_last=True)  # and let the client send on, so that it sees this
        if is_whole and incoming.too_large:
            self._drop(conn)
        elif is_whole:
            self._take(conn, incoming)
        elif received and incoming.awaits_consent():
            self._send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take(self, conn: TConn, incoming: _Incoming) -> None:
        """Give a whole request to a thread, or refuse it."""
        self._forget(conn)
        if not conn.initialized:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEOUT)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
        conn.init()
        conn.data_ready = True
        self._last_request = time.monotonic()
        if self._stop_at is not None:
            self._refuse(conn, UnavailableError("the server stops"), is_last=True)
        elif not incoming.content.startswith(b"POST "):
            conn.parser.unreader.unread(bytes(incoming.content))
            self._submit(self._others, conn, self._other_finished)
        elif self._forecasts < self._most_forecasts:
            conn.parser.unreader.unread(bytes(incoming.content))
            self._forecasts += 1
            self._submit(self.tpool, conn, self._forecast_finished)
        else:
            error = UnavailableError("too much waits already")
            self._refuse(conn, error, is_last=len(incoming.content) != incoming.needed)

    def _submit(self, threads: ThreadPoolExecutor, conn: TConn, finished: Any) -> None:  # noqa: ANN401
        self._under_way += 1
        future = threads.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(finished, conn, done))

    def _forecast_finished(self, conn: TConn, future: "Future[object]") -> None:
        self._forecasts -= 1
        self._other_finished(conn, future)

    def _other_finished(self, conn: TConn, future: "Future[object]") -> None:
        self._under_way -= 1
        self._finished(conn, future)

    def _finished(self, conn: TConn, future: "Future[object]") -> None:
        if not future.cancelled() and future.exception() is None and future.result():
            self.finish_request(conn, future)
            return
        self.nr_conns -= 1
        self._closing.submit(conn.close, graceful=True)  # which waits for the client to close as well

    def _refuse(self, conn: TConn, error: RequestError, *, is_last: bool) -> None:
        conn.sock.settimeout(0)
        sent = self._send_refusal(conn, error, is_last=is_last)
        future: Future[object] = Future()
        future.set_result(sent and not is_last)
        self._finished(conn, future)

    def _send_refusal(self, conn: TConn, error: RequestError, *, is_last: bool) -> bool:
        self.app.refused(error.status)
        return self._send(conn, _refusal(error, is_last=is_last))

    def _send(self, conn: TConn, content: bytes) -> bool:
        try:
            return bool(conn.sock.send(content) == len(content))
        except OSError:
            return False

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> None:
        del self._incoming[conn]
        self.poller.unregister(conn.sock)
