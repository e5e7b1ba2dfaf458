"""The members of a `.tar.gz`, read once from beginning to end, whatever the bytes claim about themselves."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from fleetcast.errors import ArchiveError

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an archive, compressed or not."""
MOST_MEMBERS: Final = 10_000
_BLOCK: Final = 512
_PIECE: Final = 64 * 1024
_PLAIN_FILE: Final = b"\x0007"
_FOLDER: Final = b"5"
_ABOUT_THE_NEXT: Final = b"xgXLK"
"""Long names, times and the like; the files looked for have short names."""
_REFUSED: Final = {
    b"1": "link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"6": "pipe",
    b"S": "sparse file",
}
_DAMAGED: Final = "the archive is not a tar file, or it is damaged"


class Inflated:
    """What a gzip stream decompresses to, at most `MOST_BYTES` of it, once."""

    def __init__(self, compressed: BinaryIO) -> None:
        self.position = 0
        self._compressed = compressed
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._piece = memoryview(b"")
        self._taken = self._given = 0

    def read(self, size: int) -> bytearray:
        """Return the next `size` bytes, or as many as there are."""
        found = bytearray()
        while len(found) < size and (self._piece or self._more()):
            found += self._next(size - len(found))
        return found

    def skip(self, size: int) -> None:
        """Pass over `size` bytes; raise `ArchiveError` where there are not so many."""
        while size and (self._piece or self._more()):
            size -= len(self._next(size))
        if size:
            raise ArchiveError(_DAMAGED)

    def finish(self) -> None:
        """Read what is left, so that gzip's checksum covers all of it."""
        while self._more():
            pass

    def _next(self, most: int) -> memoryview:
        found, self._piece = self._piece[:most], self._piece[most:]
        self.position += len(found)
        return found

    def _more(self) -> bool:
        while not self._inflate.eof:
            compressed = self._inflate.unconsumed_tail
            if not compressed:
                compressed = self._compressed.read(_PIECE)
                self._taken += len(compressed)
            if not compressed:
                raise ArchiveError("the archive is cut short")
            try:
                self._piece = memoryview(self._inflate.decompress(compressed, _PIECE))
            except zlib.error as error:
                raise ArchiveError("the archive is not gzip, or it is damaged") from error
            self._given += len(self._piece)
            if max(self._taken, self._given) > MOST_BYTES:
                raise ArchiveError(f"the archive holds more than {MOST_BYTES} bytes")
            if self._piece:
                return True
        if self._inflate.unused_data or self._compressed.read(1):
            raise ArchiveError("bytes follow the end of the archive")
        return False


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    name: str
    """Without a leading `./`."""
    size: int
    kind: bytes


def plain_files(stream: Inflated) -> Iterator[Member]:
    """Yield each plain file when the stream stands at its first byte; the caller may read up to its size.

    Raises `ArchiveError` for links, devices and sparse files, for names that lead elsewhere, and for what
    is no tar file at all.  After the last one the stream has been read to its end.
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
    """Return what a header says; see `struct posix_header` of the tar format."""
    if len(block) < _BLOCK or _octal(block[148:156]) != sum(block[:148]) + sum(block[156:]) + 8 * ord(" "):
        raise ArchiveError(_DAMAGED)
    name, kind, size = _text(block[:100]), block[156:157], _octal(block[124:136])
    if block[257:262] == b"ustar" and block[262:263] == b"\0" and block[345:346] != b"\0":
        name = f"{_text(block[345:500])}/{name}"
    if kind in _REFUSED:
        raise ArchiveError(f"the archive holds a {_REFUSED[kind]}; files and folders are accepted")
    if kind not in _PLAIN_FILE + _FOLDER + _ABOUT_THE_NEXT:
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
