"""Decodes a request's body: gzip within a limit, then byte order mark and UTF-16, to plain UTF-8."""

import codecs
import zlib
from collections.abc import Callable
from typing import Final

from serving.errors import RequestError, TooLargeError, UnsupportedMediaTypeError
from serving.request.budget import RequestBudget
from serving.steps import Steps

GZIP: Final = frozenset({"gzip", "x-gzip"})
IDENTITY: Final = frozenset({"", "identity"})
BYTES_PER_STEP: Final = 1024 * 1024
"""Decoded in one step, in some 3 milliseconds."""
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def decode_body(
    body: bytes,
    encoding: str | None,
    *,
    budget: RequestBudget,
    before_large: Callable[[], Steps[None]] | None = None,
) -> Steps[bytes]:
    """Return the body without its Content-Encoding, in UTF-8 and without a byte order mark.

    `before_large` runs before more than `budget.large_body_bytes` are decoded.  Raises
    `UnsupportedMediaTypeError` for an encoding other than gzip, `TooLargeError` for more than
    `budget.max_body_bytes`, and `RequestError` for gzip that is damaged, cut short or followed by others.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    for name in reversed(names):
        if name in GZIP:
            body = yield from _unzipped(body, budget, before_large)
        elif name not in IDENTITY:
            raise UnsupportedMediaTypeError(f"Content-Encoding must be gzip or identity, not {name[:100]!r}")
    return _utf_8(body)


def _unzipped(
    body: bytes, budget: RequestBudget, before_large: Callable[[], Steps[None]] | None
) -> Steps[bytes]:
    content = bytearray()
    remainder = body
    while remainder:  # gzip may consist of several members
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not inflate.eof:
            try:
                piece = inflate.decompress(remainder, BYTES_PER_STEP if content else budget.large_body_bytes)
            except zlib.error:
                raise RequestError("the body is not gzip, or it is damaged; send it again") from None
            if not piece and not inflate.eof:
                raise RequestError("the gzip'd body is cut short; send it again")
            content += piece
            remainder = inflate.unconsumed_tail
            if len(content) > budget.max_body_bytes:
                raise TooLargeError(
                    f"the decoded body exceeds the limit of {budget.max_body_bytes} bytes; send fewer "
                    "records at once"
                )
            if inflate.eof and not inflate.unused_data:
                break
            if before_large is not None and len(content) >= budget.large_body_bytes:
                yield from before_large()
            yield None
        remainder = inflate.unused_data
    return bytes(content)


def _utf_8(body: bytes) -> bytes:
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    if body.startswith(_UTF_16) and not body.startswith(_UTF_32):
        try:
            return body.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise RequestError("the body starts like UTF-16, but is damaged; send UTF-8") from None
    return body
