"""gunicorn's threaded worker, except that its threads get complete requests only.

gunicorn's own threads read from the client's socket, so a few slow clients can occupy all of them.  Here the
worker's event loop collects the bytes, drops clients that take too long, and refuses requests that exceed a
limit before they cost anything.  Forecasts have threads of their own: /ping is answered while all of them
compute.

gunicorn documents few of the members that this module uses.  tests/unit/serving/http/test_gunicorn_members
names them all, so that a release of gunicorn without one of them fails there.
"""

import selectors
import socket
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from serving.drain import Drain, queue_full, shutting_down
from serving.errors import RequestError
from serving.http.buffered_request import (
    BufferedRequest,
    Complete,
    Discarded,
    Incomplete,
    Malformed,
    TooLarge,
)
from serving.http.head_parser import HeadParser, request_error
from serving.request import error_response

RECEIVE_SECONDS: Final = 20.0
"""How long a request may take from its first byte, or from the connection, to its last byte."""
SEND_SECONDS: Final = 20
"""How long a response may make no progress because its client does not read."""
CLOSE_SECONDS: Final = 2.0
"""How long a client may take to close its side after the last response; closing first could cut that off."""
RECEIVE_BYTES: Final = 256 * 1024
"""Bytes that one read takes at most."""
_SEND_TIMEOUT: Final = struct.pack("ll", SEND_SECONDS, 0)


@dataclass(slots=True, eq=False)
class _Receiving:
    """A connection whose request is not complete."""

    request: BufferedRequest
    deadline: float
    is_polled: bool = False
    """Whether the event loop waits for more bytes."""


def _refusal(error: RequestError, *, is_last: bool) -> bytes:
    """Return the response to a refused request as it goes over the wire."""
    response = error_response(error)
    headers = {"Content-Type": response.content_type, "Content-Length": str(len(response.body))}
    headers |= dict(response.headers) | ({"Connection": "close"} if is_last else {})
    lines = [f"HTTP/1.1 {int(response.status)} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + response.body


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """One process that answers requests; gunicorn's arbiter starts it, and replaces it if it dies."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- gunicorn's own
        super().__init__(*args, **kwargs)
        self._budget = self.app.budget
        self._max_queued: int = self.app.settings.job_queue_size
        self._receiving: dict[TConn, _Receiving] = {}
        """Ordered by deadline."""
        self._closing: dict[TConn, float] = {}
        """Connections that have got their last response, and when they are closed; ordered by that time."""
        self._in_progress = 0
        self._forecasts = 0
        """Requests that a thread answers or will answer, and those of them that may be forecasts."""
        self._other_thread = ThreadPoolExecutor(1, "other-requests")
        self._drain = Drain()

    # What gunicorn calls

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401, ARG002 -- a signal's handler
        """Refuse requests from now on; connections that wait to be accepted are not cut off."""
        if not self._drain.has_begun:
            self._drain.begin()
            self.method_queue.defer(lambda: None)  # wakes the event loop

    def enqueue_req(self, conn: TConn) -> None:
        """Collect the request that begins on a connection; usually it is complete already."""
        if conn.parser is None:
            conn.parser = HeadParser(conn.cfg, conn.client)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
        conn.sock.settimeout(0)
        request = BufferedRequest(conn.parser.parse_head, budget=self._budget)
        self._receiving[conn] = _Receiving(request, time.monotonic() + RECEIVE_SECONDS)
        self._receive(conn, conn.sock, conn.parser.take_rest())
        if conn in self._receiving:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
            self._receiving[conn].is_polled = True

    def murder_pending(self) -> None:
        """Drop clients that take too long; gunicorn's event loop calls this every second."""
        now = time.monotonic()
        for conn, receiving in list(self._receiving.items()):
            if self.alive and now < receiving.deadline:
                break
            self._drop(conn)
        for conn, deadline in list(self._closing.items()):
            if self.alive and now < deadline:
                break
            self._close(conn)
        if self.alive:
            self.alive = not self._drain.is_over(
                is_idle=not self._in_progress, has_connections=self.nr_conns > 0
            )

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002
        """Respond in JSON to a request that fails outside the application; called in a thread."""
        error = request_error(exc)
        self.app.refused(error.status)
        with suppress(OSError):
            client.sendall(_refusal(error, is_last=True))

    # Receiving a request

    def _receive(self, conn: TConn, sock: socket.socket, rest: bytes = b"") -> None:
        """Read the bytes that have come, and act on the state of the request; `rest` was read earlier."""
        has_ended = False
        try:
            received = sock.recv(RECEIVE_BYTES)
            has_ended = not received
        except BlockingIOError:
            received = b""
        except OSError:
            self._drop(conn)
            return
        request = self._receiving[conn].request
        state = request.receive(rest + received)
        if isinstance(state, TooLarge):
            # what the client still sends is read and discarded, otherwise it would not see this response
            self._send_refusal(conn, self._budget.body_too_large(), is_last=True)
            state = request.receive(b"")
        match state:
            case Malformed(error):
                self._turn_away(conn, error)
            case Discarded():
                self._drop(conn)
            case _ if self._budget.buffered_bytes > self._budget.max_buffered_bytes:
                self._turn_away(conn, self._budget.buffer_full())
            case Complete():
                self._begin(conn, state)
            case Incomplete() if has_ended:
                self._end_early(conn)
            case Incomplete(awaits_continue=True) if rest or received:
                self._send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _end_early(self, conn: TConn) -> None:
        """Close a connection whose client sends nothing more; an incomplete request never gets a forecast."""
        if self._receiving[conn].request.has_begun:
            self._turn_away(
                conn, RequestError("the connection ended before the request was complete; send it again")
            )
        else:
            self._drop(conn)

    def _turn_away(self, conn: TConn, error: RequestError) -> None:
        """Refuse a request without computing anything, and end its connection."""
        self._stop_receiving(conn).release()
        self._refuse(conn, error, is_last=True)

    def _drop(self, conn: TConn) -> None:
        """Close a connection without a response."""
        self._stop_receiving(conn).release()
        self.nr_conns -= 1
        conn.close()

    def _stop_receiving(self, conn: TConn) -> BufferedRequest:
        receiving = self._receiving.pop(conn)
        if receiving.is_polled:
            self.poller.unregister(conn.sock)
        return receiving.request

    # Answering a request

    def _begin(self, conn: TConn, complete: Complete) -> None:
        """Hand a complete request over to a thread, or refuse it."""
        request = self._stop_receiving(conn)
        self._drain.note_request()
        head = complete.head
        has_room = not head.may_compute or self._forecasts < self._max_queued + self.cfg.threads
        if has_room and not self._drain.has_begun:
            conn.parser.add_body(complete.content)
            conn.data_ready = True  # gunicorn's thread need not wait for the socket
            self._submit(conn, request, is_forecast=head.may_compute)
            return
        request.release()
        if self._drain.has_begun:
            self._refuse(conn, shutting_down(), is_last=True)
        else:
            # the next request would begin after the body, whose end is known only by a Content-Length
            is_last = len(complete.content) != head.body_bytes
            self._refuse(conn, queue_full(self._max_queued), is_last=is_last)

    def _submit(self, conn: TConn, request: BufferedRequest, *, is_forecast: bool) -> None:
        def finished(future: "Future[object]") -> None:
            self._in_progress -= 1
            self._forecasts -= is_forecast
            request.release()
            self._finished(conn, future)

        self._in_progress += 1
        self._forecasts += is_forecast
        threads = self.tpool if is_forecast else self._other_thread
        future = threads.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(finished, done))

    def _refuse(self, conn: TConn, error: RequestError, *, is_last: bool) -> None:
        conn.sock.settimeout(0)
        is_sent = self._send_refusal(conn, error, is_last=is_last)
        future: Future[object] = Future()
        future.set_result(is_sent and not is_last)
        self._finished(conn, future)

    def _send_refusal(self, conn: TConn, error: RequestError, *, is_last: bool) -> bool:
        self.app.refused(error.status)
        return self._send(conn, _refusal(error, is_last=is_last))

    def _send(self, conn: TConn, content: bytes) -> bool:
        """Send a few bytes without waiting; return whether the kernel took all of them."""
        try:
            return bool(conn.sock.send(content) == len(content))
        except OSError:
            return False

    # After a response

    def _finished(self, conn: TConn, future: "Future[object]") -> None:
        """Wait for the next request of a connection, or close it; the future's result says which."""
        if not future.cancelled() and future.exception() is None and future.result():
            self.finish_request(conn, future)
        else:
            self._begin_to_close(conn)

    def _begin_to_close(self, conn: TConn) -> None:
        """Close our side, and the connection once the client has closed its side."""
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        self._closing[conn] = time.monotonic() + CLOSE_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))

    def _discard(self, conn: TConn, sock: socket.socket) -> None:
        """Discard what a client still sends; close the connection once it has closed its side."""
        with suppress(BlockingIOError):
            try:
                if sock.recv(RECEIVE_BYTES):
                    return
            except ConnectionError:
                pass
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        del self._closing[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
