"""A request's body as plain UTF-8: gzip is decoded within bounds, a byte order mark taken off."""

import codecs
import zlib
from collections.abc import Callable, Generator
from typing import Final

from serving.errors import RequestError, TooLargeError, UnsupportedMediaTypeError

GZIP: Final = frozenset({"gzip", "x-gzip"})
IDENTITY: Final = frozenset({"", "identity"})
BYTES_PER_STEP: Final = 1024 * 1024
SMALL_BODY_BYTES: Final = 128 * 1024
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def _go_on() -> Generator[None]:
    yield from ()


def plain(
    body: bytes,
    encoding: str | None,
    *,
    most_bytes: int,
    before_large: Callable[[], Generator[None]] = _go_on,
) -> Generator[None, None, bytes]:
    """Return the body without its Content-Encoding, in UTF-8 and without a byte order mark.

    `before_large` is done before more than SMALL_BODY_BYTES are held of what is decoded.
    Raises `UnsupportedMediaTypeError` for another encoding than gzip, `TooLargeError` where more than
    `most_bytes` come out, and `RequestError` for what is damaged, cut short or followed by other bytes.
    """
    encodings = [name.strip().lower() for name in (encoding or "").split(",")]
    for name in reversed(encodings):
        if name in GZIP:
            body = yield from _inflated(body, most_bytes=most_bytes, before_large=before_large)
        elif name not in IDENTITY:
            raise UnsupportedMediaTypeError(f"Content-Encoding must be gzip or identity, not {name[:100]!r}")
    return _utf_8(body)


def _inflated(
    body: bytes, *, most_bytes: int, before_large: Callable[[], Generator[None]]
) -> Generator[None, None, bytes]:
    found = bytearray()
    left = body
    while left:  # a gzip file may consist of several, one after the other
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not inflate.eof:
            try:
                piece = inflate.decompress(left, BYTES_PER_STEP if found else SMALL_BODY_BYTES)
            except zlib.error:
                raise RequestError("the body is not gzip, or it is damaged") from None
            if not piece and not inflate.eof:
                raise RequestError("the gzip'd body is cut short")
            found += piece
            left = inflate.unconsumed_tail
            if len(found) > most_bytes:
                raise TooLargeError(f"a request may have {most_bytes} bytes, also once it is decoded")
            if inflate.eof and not inflate.unused_data:
                break
            if len(found) >= SMALL_BODY_BYTES:
                yield from before_large()
            yield
        left = inflate.unused_data
    return bytes(found)


def _utf_8(body: bytes) -> bytes:
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    if body.startswith(_UTF_16) and not body.startswith(_UTF_32):
        try:
            return body.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise RequestError("the body begins as UTF-16 does, and is none; UTF-8 is expected") from None
    return body
