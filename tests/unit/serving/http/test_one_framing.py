"""The end of a body: where the event loop finds it, gunicorn's reader finds it too.

gunicorn's parser reads the head for both.  The chunks of a body are walked through by `BufferedRequest` and
decoded by gunicorn; a request that ended in two places would let a client hide one request in another.
"""

from dataclasses import dataclass

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.http.buffered_request import BufferedRequest, Complete, Incomplete, Malformed
from serving.http.head_parser import HeadParser
from serving.request import RequestBudget

CONFIGURATION = Config()
ADDRESS = ("127.0.0.1", 1)


@dataclass(frozen=True)
class Read:
    """What a parser made of some bytes."""

    body: bytes
    rest: bytes


def read_from(parser: RequestParser) -> Read | None:
    """Return the next request's body and the bytes after it, None if the parser refuses it."""
    try:
        message = next(parser)
        lengths = [int(value) for name, value in message.headers if name == "CONTENT-LENGTH"]
        body = message.body.read()
    except (ParseException, NoMoreData, StopIteration):
        return None
    if lengths and len(body) < lengths[0]:
        return None
    return Read(body, parser.unreader.take_buffered())


def read_by_gunicorn(sent: bytes) -> Read | None:
    """Let gunicorn alone read a request from a client that sends these bytes and closes."""
    return read_from(RequestParser(CONFIGURATION, [sent], ADDRESS))


hexadecimal = st.integers(0, 20).map(lambda size: b"%x" % size)
lines_end = st.sampled_from([b"\r\n"] * 20 + [b"\n", b"\r", b"", b"\r\n\r\n"])
good_chunk = st.binary(min_size=1, max_size=20).map(lambda content: b"%X\r\n%b\r\n" % (len(content), content))
odd_chunk = st.tuples(
    st.one_of(hexadecimal, st.sampled_from([b"", b"-1", b"0x1", b" 1", b"1 ", b"+1", b"1_0", b"00", b"g"])),
    st.sampled_from([b""] * 5 + [b";a=b", b";a", b' ;a="\\""', b";", b";a=\r", b" "]),
    lines_end,
    st.binary(max_size=20),
    lines_end,
).map(b"".join)
good_chunks = st.lists(good_chunk, min_size=1, max_size=4).map(b"".join)
trailers = st.sampled_from(
    [b""] * 9 + [b"a: b\r\n"] * 3 + [b"Content-Length: 3\r\n", b"a:\nb\r\n", b"no trailer\r\n"]
)
chunked = st.tuples(
    st.one_of(good_chunks, good_chunks, st.lists(st.one_of(good_chunk, odd_chunk), max_size=4).map(b"".join)),
    st.sampled_from([b"0\r\n"] * 8 + [b"00\r\n", b"0;a=b\r\n", b"0 \r\n", b""]),
    trailers,
    lines_end,
).map(b"".join)
framing = st.lists(
    st.sampled_from(
        [
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: Chunked\r\n",
            b"transfer-encoding:\tchunked \r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding: x\r\n chunked\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: 05\r\n",
            b"Content-Length: \xb2\r\n",
            b"Content-Length:\r\n",
            b"content-length: 5, 5\r\n",
            b"Content_Length: 5\r\n",
            b"X: Content-Length: 7\r\n",
            b"\r\n",
        ]
    ),
    max_size=2,
).map(b"".join)
requests = st.tuples(
    st.sampled_from([b"POST / HTTP/1.1\r\n"] * 12 + [b"GET / HTTP/1.0\r\n", b"POST / HTTP/1.1\n", b"\r\n"]),
    st.one_of(st.just(b"Transfer-Encoding: chunked\r\n"), framing),
    st.just(b"\r\n"),
    st.one_of(chunked, chunked, st.binary(max_size=12)),
    st.sampled_from([b"", b"", b"GET /ping HTTP/1.1\r\n\r\n", b"0\r\n\r\n", b"x"]),
).map(b"".join)


@settings(max_examples=1_000)
@given(requests, st.integers(1, 200))
@example(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1)
@example(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n\r\nGET / HTTP/1.1\r\n\r\n", 3)
def test_a_complete_request_has_the_body_that_gunicorn_alone_would_read(sent: bytes, step: int) -> None:
    parser = HeadParser(CONFIGURATION, ADDRESS)
    request = BufferedRequest(parser.parse_head, budget=RequestBudget())
    state, taken = request.receive(b""), 0
    while isinstance(state, Incomplete) and taken < len(sent):
        state = request.receive(sent[taken : taken + step])
        taken = min(taken + step, len(sent))

    by_gunicorn = read_by_gunicorn(sent)
    match state:
        case Complete():
            parser.add_body(state.content)
            read = read_from(parser)
            assert (None if read is None else Read(read.body, read.rest + sent[taken:])) == by_gunicorn
        case Incomplete():
            assert by_gunicorn is None
        case Malformed():
            assert by_gunicorn is None or b"gzip" in sent
        case _:
            pytest.fail(f"{state} for a small request")
