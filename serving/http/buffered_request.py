"""A request on its way: bytes go in, whether all of it is there comes out."""

import re
from dataclasses import dataclass, field
from typing import Final

MOST_HEAD_BYTES: Final = 64 * 1024
MOST_PASSED_OVER: Final = 64 * 1024 * 1024
MOST_FRAMING: Final = 2
"""A body in chunks may take so many times the bytes that it holds, and a head's worth besides."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING: Final = re.compile(rb"\r\ntransfer-encoding[ \t]*:[ \t]*([^\r]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,100}")


@dataclass(slots=True, eq=False)
class Incoming:
    """What has come of a request; of one that is no HTTP the parser is to say so, and it counts as whole."""

    deadline: float
    content: bytearray = field(default_factory=bytearray)
    passed_over: int = 0
    """Bytes of a body that is too large; a client that still sends would not see the refusal."""
    needed: int | None = None
    """Bytes of head and body, once the head is there."""
    chunk: int | None = None
    """Where the next chunk of a body in chunks begins."""
    body: int = 0
    """Bytes in the chunks so far, as their sizes announce them."""
    too_large: bool = False
    has_other_coding: bool = False
    """Whether its Transfer-Encoding is not `chunked` alone, so that nobody knows where its body ends."""
    is_polled: bool = False
    """Whether the loop has been told to wait for more."""

    def take(self, received: bytes, *, most_bytes: int) -> bool:
        """Add bytes; return whether the parser can go on without waiting for the client."""
        if self.too_large:
            self.passed_over += len(received)
        else:
            self.content += received
        if self.needed is None and self.chunk is None:
            self._read_head(most_bytes)
        if self.needed is not None:
            return len(self.content) + self.passed_over >= self.needed
        if self.chunk is not None:
            return self.has_other_coding or self._has_last_chunk(most_bytes)
        return len(self.content) > MOST_HEAD_BYTES

    def awaits_consent(self) -> bool:
        """Return whether the client sends the body only when told to."""
        return (
            not self.too_large
            and self.content.endswith(_END_OF_HEAD)
            and _EXPECT.search(self.content) is not None
        )

    def _read_head(self, most_bytes: int) -> None:
        end = self.content.find(_END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self.content[: end + 2])
        if codings := _CODING.findall(head):
            self.chunk = end + len(_END_OF_HEAD)
            self.has_other_coding = [coding.lower() for coding in codings] != [b"chunked"]
            return
        lengths = _CONTENT_LENGTH.findall(head)
        length = int(lengths[0]) if len(lengths) == 1 else 0
        self.needed = end + len(_END_OF_HEAD) + length
        if length > most_bytes:
            self.too_large, self.needed = True, min(self.needed, MOST_PASSED_OVER)

    def _has_last_chunk(self, most_bytes: int) -> bool:
        """Walk on from chunk to chunk: a size in hexadecimal, a line's end, so many bytes, a line's end.

        A body that is too large has no end that is worth waiting for: its refusal is sent at once.
        """
        while self.chunk is not None and (end := self.content.find(b"\r\n", self.chunk)) >= 0:
            size = _CHUNK_SIZE.match(self.content, self.chunk, end)
            if size is None:
                return True
            length = int(size[0], 16)
            if length == 0:
                return self.content.find(_END_OF_HEAD, end) >= 0
            following = end + 2 + length + 2
            if self.body + length > most_bytes:
                self._pass_over()
                return False
            if following > len(self.content):
                break
            self.body += length
            self.chunk = following
        if len(self.content) > MOST_FRAMING * most_bytes + MOST_HEAD_BYTES:
            self._pass_over()
        return False

    def _pass_over(self) -> None:
        self.too_large = True
        self.passed_over += len(self.content)
        self.needed = self.passed_over + MOST_PASSED_OVER
        self.content.clear()
