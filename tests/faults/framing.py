"""A generated request as bytes: with a length or in chunks, gzip'd, cut, or broken."""

import gzip
import random
from dataclasses import replace
from typing import Final

from tests.faults.exchanges import JSON_LINES, Exchange, Sending

MOST_BODY: Final = 6 * 2**20
"""Bytes of the largest request by default."""


def framed(exchange: Exchange, *extra: tuple[str, str], length: int | None = None) -> bytes:
    """Return an HTTP request with a Content-Length, that of its body unless `length` says otherwise."""
    size = len(exchange.body) if length is None else length
    return _head(exchange, *extra, ("Content-Length", str(size))) + exchange.body


def _head(exchange: Exchange, *extra: tuple[str, str]) -> bytes:
    lines = [f"{exchange.method} {exchange.path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in (*exchange.headers, *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def framed_oddly(chance: random.Random, exchange: Exchange) -> Sending:
    make = chance.choice(
        [_plain] * 4 + [_chunked] * 3 + [_gzipped] * 2 + [_truncated, _wrong_length, _broken]
    )
    pieces, changed = make(chance, exchange)
    return Sending(pieces, (changed,))


def _plain(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    if chance.random() < 0.01 and exchange.headers[0][1] == JSON_LINES:
        exchange = replace(exchange, kind="too large", whole=False)
        exchange = replace(exchange, body=exchange.body + b"\n" + b" " * MOST_BODY)
    return cut(chance, framed(exchange)), exchange


def _chunks(chance: random.Random, body: bytes) -> list[bytes]:
    chunks, place = [], 0
    while place < len(body):
        size = min(chance.choice([1, 7, 100, 5_000, 100_000]), len(body) - place)
        size = max(size, len(body) // 50)
        part = body[place : place + size]
        extension = chance.choice([b"", b"", b";name=value"])
        chunks.append(f"{len(part):{chance.choice('xX')}}".encode() + extension + b"\r\n" + part + b"\r\n")
        place += size
    return chunks


def _chunked(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    exchange = replace(exchange, kind=exchange.kind + ", chunked")
    chunks = [_head(exchange, ("Transfer-Encoding", "chunked")), *_chunks(chance, exchange.body)]
    way = chance.random()
    if way < 0.8:
        end = chance.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"000\r\n\r\n"])
        return cut(chance, b"".join([*chunks, end])), exchange
    exchange = replace(exchange, kind=exchange.kind + " and broken", whole=False)
    if way < 0.9:
        return tuple(chunks), exchange
    return (
        *chunks,
        chance.choice([b"zz\r\n\r\n", b"-1\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n"]),
    ), exchange


def _gzipped(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    packed = gzip.compress(exchange.body, 1)
    way, whole = chance.random(), True
    if way < 0.2:
        packed, whole = packed[: chance.randrange(1, len(packed))], False
    elif way < 0.25:
        packed, whole = gzip.compress(b" " * chance.choice([MOST_BODY + 1, 64 * 2**20]), 9), False
    elif way < 0.35:
        place = chance.randrange(len(packed) - 8, len(packed))
        packed = packed[:place] + bytes([packed[place] ^ 1 << chance.randrange(8)]) + packed[place + 1 :]
        whole = False
    elif way < 0.4:
        packed, whole = b"plain" + exchange.body, False
    exchange = replace(exchange, kind=exchange.kind + ", gzip'd" + ("" if whole else " and broken"))
    exchange = replace(exchange, body=packed, whole=whole)
    return cut(chance, framed(exchange, ("Content-Encoding", "gzip"))), exchange


def _truncated(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    text = framed(exchange)
    head = text.index(b"\r\n\r\n") + 4
    at = chance.randrange(head, len(text)) if exchange.body else head - 2
    return cut(chance, text[:at]), replace(exchange, kind=exchange.kind + ", truncated", whole=False)


def _wrong_length(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    more = len(exchange.body) + chance.choice([1, 100, 10**7])
    text = chance.choice([str(more), "-1", "x", "1e3", "99999999999999999999", "0x10", ""])
    sent = _head(exchange, ("Content-Length", text)) + exchange.body
    return (sent,), replace(
        exchange, kind=f"Content-Length {text[:9]}", whole=text == "", records=(), regular=False
    )


def _broken(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    extra = chance.choice(
        [
            ("Transfer-Encoding", "gzip, chunked"),
            ("Transfer-Encoding", "x"),
            ("Content-Encoding", "br"),
            ("Content-Encoding", "gzip, gzip"),
            ("X-Long", "x" * 20_000),
            ("Expect", "200-ok"),
            ("Content-Length", "3"),
        ]
    )
    sent = framed(exchange, extra)
    return (sent,), replace(exchange, kind=f"{extra[0]}: {extra[1][:20]}", records=(), regular=False)


def cut(chance: random.Random, text: bytes) -> tuple[bytes, ...]:
    """Return the text in one to four pieces, as the network may deliver it."""
    places = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice([0, 0, 0, 1, 3])))
    return tuple(text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b)
