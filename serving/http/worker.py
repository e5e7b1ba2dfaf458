"""gunicorn's threaded worker, but a thread gets a request only when all of it is there.

gunicorn's own threads read from the client, so that a few slow clients keep them all.  Here the worker's loop
collects the bytes, gives up on who takes too long, refuses what there is no room for before it costs
anything, and keeps a thread free for everything but forecasts: /ping is answered while all others compute.
"""

import selectors
import socket
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from serving.drain import MAX_BUFFERED_BYTES, Drain, buffer_full, queue_full, shutting_down
from serving.errors import (
    DefectError,
    ExpectationError,
    RequestError,
    TooLargeError,
    TooLongHeadError,
    TooLongLineError,
)
from serving.http.buffered_request import Incoming
from serving.request import error_response

RECEIVE_SECONDS: Final = 20.0
"""For a request, from its first byte or from the connection to its last."""
SEND_SECONDS: Final = 20
"""Without any progress."""
LEAVE_SECONDS: Final = 2.0
"""For a client to close as well, so that it has read the answer."""
MOST_BYTES_AT_ONCE: Final = 256 * 1024
_TIMEOUT: Final = struct.pack("ll", SEND_SECONDS, 0)


def _refusal(error: RequestError, *, is_last: bool) -> bytes:
    """Return an answer as it goes over the wire."""
    answered = error_response(error)
    headers = {"Content-Type": answered.content_type, "Content-Length": str(len(answered.body))}
    headers |= dict(answered.headers) | ({"Connection": "close"} if is_last else {})
    lines = [f"HTTP/1.1 {int(answered.status)} {answered.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answered.body


def refused_by_parser(error: Exception) -> RequestError:
    """Return what a client learns of an exception of gunicorn's parser."""
    if isinstance(error, LimitRequestLine):
        return TooLongLineError("the address in the request is too long")
    if isinstance(error, LimitRequestHeaders):
        return TooLongHeadError("the headers of the request are too many or too long")
    if isinstance(error, ExpectationFailed):
        return ExpectationError("Expect may only be 100-continue")
    if isinstance(error, ParseException):
        return RequestError("the request is not HTTP/1.1, or its head is malformed")
    return DefectError("the server failed; its log says why")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """See the module."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- gunicorn's own
        super().__init__(*args, **kwargs)
        self._incoming: dict[TConn, Incoming] = {}
        self._forecasts = 0
        self._under_way = 0
        self._max_queued: int = self.app.settings.job_queue_size
        self._most_bytes: int = self.app.settings.max_request_bytes
        self._others = ThreadPoolExecutor(1, "others")
        self._leaving: dict[TConn, float] = {}
        self._held_bytes = 0
        self._drain = Drain()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401, ARG002 -- a signal's handler
        """Refuse requests from now on; connections that wait to be accepted are not cut off."""
        if not self._drain.has_begun:
            self._drain.begin()
            self.method_queue.defer(lambda: None)  # wakes the loop

    def enqueue_req(self, conn: TConn) -> None:
        """Collect the request that begins on a connection; most are there whole, and need no waiting for."""
        held = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.settimeout(0)
        self._incoming[conn] = Incoming(time.monotonic() + RECEIVE_SECONDS, bytearray(held))
        self._held_bytes += len(held)
        self._collect(conn, conn.sock)
        if conn in self._incoming:
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, conn))
            self._incoming[conn].is_polled = True

    def murder_pending(self) -> None:
        """Give up on requests that take too long; gunicorn's loop calls this every second."""
        now = time.monotonic()
        for conn, incoming in list(self._incoming.items()):
            if self.alive and now < incoming.deadline:
                break  # they are in the order of their deadlines
            self._drop(conn)
        for conn, deadline in list(self._leaving.items()):
            if self.alive and now < deadline:
                break
            self._close(conn)
        if self.alive:
            self.alive = not self._drain.is_over(
                is_idle=not self._under_way, has_connections=self.nr_conns > 0
            )

    def _collect(self, conn: TConn, sock: socket.socket) -> None:
        incoming = self._incoming[conn]
        has_ended = False
        try:
            received = sock.recv(MOST_BYTES_AT_ONCE)
            has_ended = not received
        except BlockingIOError:
            received = b""
        except OSError:
            self._drop(conn)
            return
        was_too_large, before = incoming.too_large, len(incoming.content)
        is_whole = incoming.take(received, most_bytes=self._most_bytes)
        self._held_bytes += len(incoming.content) - before
        if incoming.too_large and not was_too_large:
            error = TooLargeError(f"a request may have {self._most_bytes} bytes")
            self._send_refusal(conn, error, is_last=True)  # and let the client send on, so that it sees this
        if is_whole and incoming.too_large:
            self._drop(conn)
        elif is_whole and incoming.has_other_coding:
            self._turn_away(conn, RequestError("Transfer-Encoding must be chunked, or left out"))
        elif self._held_bytes > MAX_BUFFERED_BYTES:
            self._turn_away(conn, buffer_full())
        elif is_whole:
            self._take(conn, incoming)
        elif has_ended:
            self._end_early(conn, incoming)
        elif received and incoming.awaits_consent():
            self._send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _end_early(self, conn: TConn, incoming: Incoming) -> None:
        """Close a connection whose client sends nothing more; a part of a request is never answered."""
        if incoming.content and not incoming.too_large:
            self._turn_away(conn, RequestError("the request ended before all of it was there"))
        else:
            self._drop(conn)

    def _turn_away(self, conn: TConn, error: RequestError) -> None:
        """Refuse a request without looking at it, and end its connection."""
        self._held_bytes -= len(self._incoming[conn].content)
        self._forget(conn)
        self._refuse(conn, error, is_last=True)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002
        """Answer in JSON what gunicorn's parser refuses, and what fails outside the application."""
        error = refused_by_parser(exc)
        if isinstance(error, DefectError):
            self.log.error("a request failed outside the application", exc_info=exc)
        self.app.refused(error.status)
        with suppress(OSError):
            client.sendall(_refusal(error, is_last=True))

    def _take(self, conn: TConn, incoming: Incoming) -> None:
        """Give a whole request to a thread, or refuse it."""
        self._forget(conn)
        if not conn.initialized:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEOUT)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
        conn.init()
        conn.data_ready = True
        self._drain.note_request()
        is_forecast = incoming.content.startswith(b"POST ")
        has_room = not is_forecast or self._forecasts < self._max_queued + self.cfg.threads
        if has_room and not self._drain.has_begun:
            conn.parser.unreader.unread(bytes(incoming.content))
            self._submit(conn, len(incoming.content), is_forecast=is_forecast)
            return
        self._held_bytes -= len(incoming.content)
        if self._drain.has_begun:
            self._refuse(conn, shutting_down(), is_last=True)
        else:
            is_last = len(incoming.content) != incoming.needed
            self._refuse(conn, queue_full(self._max_queued), is_last=is_last)

    def _submit(self, conn: TConn, held_bytes: int, *, is_forecast: bool) -> None:
        def finished(future: "Future[object]") -> None:
            self._under_way -= 1
            self._forecasts -= is_forecast
            self._held_bytes -= held_bytes
            self._finished(conn, future)

        self._under_way += 1
        self._forecasts += is_forecast
        future = (self.tpool if is_forecast else self._others).submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(finished, done))

    def _finished(self, conn: TConn, future: "Future[object]") -> None:
        if not future.cancelled() and future.exception() is None and future.result():
            self.finish_request(conn, future)
        else:
            self._leave(conn)

    def _leave(self, conn: TConn) -> None:
        """Say that nothing more is sent, and close when the client has: at once could cut the answer."""
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        self._leaving[conn] = time.monotonic() + LEAVE_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._see_off, conn))

    def _see_off(self, conn: TConn, sock: socket.socket) -> None:
        with suppress(BlockingIOError):
            try:
                if sock.recv(MOST_BYTES_AT_ONCE):
                    return
            except ConnectionError:
                pass
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

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
        self._held_bytes -= len(self._incoming[conn].content)
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> None:
        if self._incoming.pop(conn).is_polled:
            self.poller.unregister(conn.sock)
