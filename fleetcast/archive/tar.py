"""Reads the members of a `.tar.gz` once, from beginning to end, in bounded memory and time.

Python's tarfile trusts sizes and links in the headers; here each header is checked first.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from fleetcast.errors import ArchiveError

MOST_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of an archive, both compressed and decompressed."""
MOST_MEMBERS: Final = 10_000
_BLOCK: Final = 512
"""Bytes of a header; contents are padded to a multiple."""
_BYTES_PER_READ: Final = 64 * 1024
_PLAIN_FILE: Final = b"\x0007"
_FOLDER: Final = b"5"
_EXTENDED_HEADER: Final = b"xgXLK"
"""Kinds of members that hold long names, times and the like; the files of an archive have short names."""
_REFUSED: Final = {
    b"1": "link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"6": "pipe",
    b"S": "sparse file",
}
_DAMAGED: Final = "the archive is not a tar file, or it is damaged"


class GzipStream:
    """The decompressed bytes of a gzip stream, to be read once; ArchiveError beyond `MOST_BYTES`."""

    def __init__(self, compressed: BinaryIO) -> None:
        self.position = 0
        self._compressed = compressed
        self._decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._unread = memoryview(b"")
        self._compressed_bytes = self._decompressed_bytes = 0

    def read(self, size: int) -> bytearray:
        """Return the next `size` bytes; fewer at the end of the stream."""
        content = bytearray()
        while len(content) < size and (self._unread or self._decompress_more()):
            content += self._next(size - len(content))
        return content

    def skip(self, size: int) -> None:
        """Skip `size` bytes; raises ArchiveError if the stream ends before."""
        while size and (self._unread or self._decompress_more()):
            size -= len(self._next(size))
        if size:
            raise ArchiveError(_DAMAGED)

    def finish(self) -> None:
        """Read the rest of the stream, so that gzip's checksum is verified."""
        while self._decompress_more():
            pass

    def _next(self, most: int) -> memoryview:
        content, self._unread = self._unread[:most], self._unread[most:]
        self.position += len(content)
        return content

    def _decompress_more(self) -> bool:
        """Put the next decompressed bytes into `_unread`; return False at the end of the stream."""
        while not self._decompressor.eof:
            compressed = self._decompressor.unconsumed_tail
            if not compressed:
                compressed = self._compressed.read(_BYTES_PER_READ)
                self._compressed_bytes += len(compressed)
            if not compressed:
                raise ArchiveError("the archive is cut short")
            try:
                self._unread = memoryview(self._decompressor.decompress(compressed, _BYTES_PER_READ))
            except zlib.error as error:
                raise ArchiveError("the archive is not gzip, or it is damaged") from error
            self._decompressed_bytes += len(self._unread)
            if max(self._compressed_bytes, self._decompressed_bytes) > MOST_BYTES:
                raise ArchiveError(f"the archive holds more than {MOST_BYTES} bytes")
            if self._unread:
                return True
        if self._decompressor.unused_data or self._compressed.read(1):
            raise ArchiveError("bytes follow the end of the archive")
        return False


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive."""

    name: str
    """The path in the archive, without a leading `./`."""
    size: int
    kind: bytes
    """The type flag of the tar format."""


def plain_files(stream: GzipStream) -> Iterator[Member]:
    """Yield each regular file when the stream is at its first byte; the caller may read up to its size.

    After the last one the stream has been read to its end.  Raises ArchiveError for links, devices, sparse
    files, names that lead out of the archive, and bytes that are not a tar file.
    """
    for _ in range(MOST_MEMBERS):
        block = bytes(stream.read(_BLOCK))
        if not block.strip(b"\0"):
            stream.finish()
            return
        member = _member(block)
        end = stream.position + -(-member.size // _BLOCK) * _BLOCK
        if member.kind in _PLAIN_FILE:
            yield member
        stream.skip(end - stream.position)
    raise ArchiveError(f"the archive has more than {MOST_MEMBERS} members")


def _member(block: bytes) -> Member:
    """Return the member that a header describes; the offsets are those of POSIX `struct posix_header`."""
    if len(block) < _BLOCK or _octal(block[148:156]) != sum(block[:148]) + sum(block[156:]) + 8 * ord(" "):
        raise ArchiveError(_DAMAGED)
    name, kind, size = _text(block[:100]), block[156:157], _octal(block[124:136])
    if block[257:262] == b"ustar" and block[262:263] == b"\0" and block[345:346] != b"\0":
        name = f"{_text(block[345:500])}/{name}"
    if kind in _REFUSED:
        raise ArchiveError(f"the archive holds a {_REFUSED[kind]}; files and folders are accepted")
    if kind not in _PLAIN_FILE + _FOLDER + _EXTENDED_HEADER:
        raise ArchiveError(_DAMAGED)
    if name.startswith("/") or ".." in name.split("/"):
        raise ArchiveError("the archive holds a name that leads out of it")
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return Member(name, 0 if kind == _FOLDER else size, kind)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _octal(field: bytes) -> int:
    digits = re.fullmatch(rb"[ \0]*([0-7]*)[ \0]*", field)
    if digits is None:
        raise ArchiveError(_DAMAGED)
    return int(digits[1] or b"0", 8)
