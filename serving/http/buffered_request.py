"""Buffers an HTTP request until it is complete.

gunicorn's threads read from the client's socket, so a few slow clients can occupy all of them.  The worker's
event loop therefore collects each request here first, and hands over complete requests only.  A body above
the limit is counted but not stored.

gunicorn's own parser reads the head (see `serving.http.head_parser`); this module finds the end of the body.
To find the last chunk of a body in chunks, it walks from size to size; gunicorn decodes the chunks later, as
its decoder cannot wait for more bytes.  That decoder alone decides what the body is: if the two disagreed,
the request would be refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from serving.errors import RequestError
from serving.http.head_parser import MAX_HEAD_BYTES, RequestHead
from serving.request import RequestBudget

MAX_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""How much of a body that is too large is read and discarded, so that the client sees the response."""
MAX_FRAMING: Final = 2
"""A body in chunks may be this many times the largest body, and a head besides: chunks have frames."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_CHUNK_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,100}")


@dataclass(frozen=True, slots=True)
class Incomplete:
    """More bytes must come."""

    awaits_continue: bool = False
    """Whether the client sends them only after a response `100 Continue`."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The request is complete; `content` has its body, and received bytes of the next request."""

    head: RequestHead
    content: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """The request cannot be answered, whatever else comes; its connection is of no further use."""

    error: RequestError


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The body exceeds the limit, as has just become clear; from now on it is discarded as it comes."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A body that is too large has come to its end, or to MAX_DISCARDED_BYTES."""


State: TypeAlias = Incomplete | Complete | Malformed | TooLarge | Discarded


class BufferedRequest:
    """A request on its way: `receive` takes its bytes, and returns what has become of it."""

    def __init__(self, parse_head: Callable[[bytes], RequestHead], *, budget: RequestBudget) -> None:
        """`parse_head` is a `HeadParser`'s; the budget limits the body and counts the bytes held."""
        self._parse_head = parse_head
        self._budget = budget
        self._content = bytearray()
        """The bytes of the head, or of what follows it once the head is parsed."""
        self._head: RequestHead | None = None
        self._held_bytes = 0
        self._chunk = 0
        """Where the next chunk of a body in chunks begins."""
        self._chunked_bytes = 0
        """Sum of the sizes of the chunks before that."""
        self._left_to_discard: int | None = None
        """Bytes of a body that is too large which are still read; None for other bodies."""

    @property
    def has_begun(self) -> bool:
        """Whether any byte is held; bytes of a body that is too large are not."""
        return self._held_bytes > 0

    def receive(self, received: bytes) -> State:
        """Add bytes, which may be none, and return the state that the request is in now."""
        if self._left_to_discard is not None:
            self._left_to_discard -= len(received)
            return Discarded() if self._left_to_discard <= 0 else Incomplete()
        self._content += received
        try:
            state = self._advance()
        except RequestError as error:
            state = Malformed(error)
        head_bytes = 0 if self._head is None else self._head.size
        self._hold(head_bytes + len(self._content) if self._left_to_discard is None else 0)
        if isinstance(state, Complete):
            self._content.clear()  # the caller has the bytes; the budget counts them until `release`
        return state

    def release(self) -> None:
        """Take the bytes out of the budget: the request is answered, or given up."""
        self._content.clear()
        self._hold(0)

    def _hold(self, held_bytes: int) -> None:
        self._budget.buffered_bytes += held_bytes - self._held_bytes
        self._held_bytes = held_bytes

    def _advance(self) -> State:
        if self._head is None:
            end = self._content.find(_END_OF_HEAD)
            if end < 0 and len(self._content) <= MAX_HEAD_BYTES:
                return Incomplete()
            size = end + len(_END_OF_HEAD) if end >= 0 else len(self._content)
            self._head = self._parse_head(bytes(self._content[:size]))
            del self._content[:size]
        head = self._head
        is_complete = self._has_last_chunk() if head.body_bytes is None else self._has_body(head.body_bytes)
        if self._left_to_discard is not None:
            return TooLarge()
        if is_complete:
            return Complete(head, bytes(self._content))
        return Incomplete(awaits_continue=head.expects_continue and not self._content)

    def _has_body(self, length: int) -> bool:
        if length > self._budget.max_body_bytes:
            self._discard(length - len(self._content))
        return len(self._content) >= length

    def _has_last_chunk(self) -> bool:
        """Walk on from chunk to chunk: a size in hexadecimal, a line's end, so many bytes, a line's end.

        What is no chunk counts as the last one: gunicorn refuses it.
        """
        while (end := self._content.find(b"\r\n", self._chunk)) >= 0:
            size = _CHUNK_SIZE.match(self._content, self._chunk, end)
            if size is None:
                return True
            length = int(size[0], 16)
            if length == 0:
                return self._content.find(_END_OF_HEAD, end) >= 0
            following = end + 2 + length + 2
            if self._chunked_bytes + length > self._budget.max_body_bytes:
                self._discard(MAX_DISCARDED_BYTES)
                return False
            if following > len(self._content):
                break
            self._chunked_bytes += length
            self._chunk = following
        if len(self._content) > MAX_FRAMING * self._budget.max_body_bytes + MAX_HEAD_BYTES:
            self._discard(MAX_DISCARDED_BYTES)
        return False

    def _discard(self, bytes_to_come: int) -> None:
        self._left_to_discard = min(bytes_to_come, MAX_DISCARDED_BYTES)
        self._content.clear()
