"""gunicorn's HTTP parser, which the event loop calls as soon as the head of a request is complete.

gunicorn's threads call `next(conn.parser)` to read a request from the socket.  Here the event loop parses the
head before that, and the thread gets the result: so a head is parsed once, and one parser decides what is
HTTP and where a body ends.  The parser has no socket; it reads the bytes that the event loop has received.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from serving.errors import DefectError, ExpectationError, RequestError, TooLongHeadError, TooLongLineError

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES: Final = 64 * 1024
"""Longest head of a request, in bytes; clients send some 300."""
MAX_LINE_BYTES: Final = 8_190
"""Longest request line, which has the method and the path."""
MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 8_190
"""Most headers of a request, and the longest header with its name."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What the head of a request says about the body that follows, and whether it asks for a forecast."""

    size: int
    """Bytes of the head, with the empty line at its end."""
    body_bytes: int | None
    """Length of the body; None for a body in chunks, whose end is in the body."""
    expects_continue: bool
    """Whether the client sends the body only after a response `100 Continue`."""
    may_compute: bool
    """Whether the method is POST, as in every request for a forecast."""


class _Request(Request):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's request, except that only the event loop sends `100 Continue`, and no proxy is trusted."""

    _expected_100_continue: bool

    def take_expectation(self) -> bool:
        """Return whether the client waits for `100 Continue`, and have gunicorn's thread not send it."""
        expects_continue = self._expected_100_continue
        self._expected_100_continue = False
        return expects_continue

    def _peer_trusted_for_forwarded(self) -> tuple[dict[str, str], list[str]]:
        """Return which headers of a proxy are believed: none, as nothing depends on them.

        gunicorn would come to the same result by parsing the client's address: a third of the time that a
        head takes.
        """
        return {}, []


class HeadParser(RequestParser):  # type: ignore[misc]
    """The parser of one connection; takes the place of the one that gunicorn makes."""

    mesg_class = _Request

    def __init__(self, cfg: Any, address: Any) -> None:  # noqa: ANN401 -- gunicorn's own
        """Take gunicorn's configuration, and the address of the client."""
        super().__init__(cfg, (), address)  # an empty source in place of the socket

    def parse_head(self, content: bytes) -> RequestHead:
        """Parse a head, up to its empty line; a thread gets the request by `next`.

        Raises `RequestError` for a head that is malformed, incomplete or too long, and for any
        Transfer-Encoding but `chunked`: such a body has no end that can be found.
        """
        self.unreader.unread(content)
        try:
            message = self.mesg_class(self.cfg, self.unreader, self.source_addr, self.req_count + 1)
        except Exception as error:
            raise request_error(error) from error
        self.req_count += 1
        self.mesg = message
        codings = [value.lower() for name, value in message.headers if name == "TRANSFER-ENCODING"]
        if codings not in ([], ["chunked"]):
            raise RequestError("Transfer-Encoding must be chunked, or left out")
        lengths = [int(value) for name, value in message.headers if name == "CONTENT-LENGTH"]
        return RequestHead(
            size=len(content),
            body_bytes=None if codings else sum(lengths),
            expects_continue=message.take_expectation(),
            may_compute=message.method == "POST",
        )

    def add_body(self, content: bytes) -> None:
        """Add the bytes after the head: the body, and the beginning of the next request if it has come."""
        self.unreader.unread(content)

    def take_rest(self) -> bytes:
        """Take the bytes after the last request: the beginning of the next one."""
        rest: bytes = self.unreader.take_buffered()
        return rest

    def __next__(self) -> Any:  # noqa: ANN401 -- gunicorn's own
        """Return the request whose head was parsed last; gunicorn's thread calls this."""
        return self.mesg

    next = __next__


def request_error(error: Exception) -> RequestError:
    """Return the error that a client gets for an exception of gunicorn's parser; log any other exception."""
    if isinstance(error, LimitRequestLine):
        return TooLongLineError(
            f"the request line is longer than {MAX_LINE_BYTES} bytes; send long values in the body"
        )
    if isinstance(error, LimitRequestHeaders):
        return TooLongHeadError(
            f"a request may have {MAX_HEADERS} headers of at most {MAX_HEADER_BYTES} bytes each"
        )
    if isinstance(error, NoMoreData):
        return TooLongHeadError(f"the head of the request is longer than {MAX_HEAD_BYTES} bytes")
    if isinstance(error, ExpectationFailed):
        return ExpectationError("Expect must be 100-continue, or left out")
    if isinstance(error, ParseException):
        return RequestError("the request is not HTTP/1.1, or its head is malformed")
    logger.error("a request failed outside the application", exc_info=error)
    return DefectError("the server failed; its log has the reason")
