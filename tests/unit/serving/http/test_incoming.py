"""When all of a request is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.buffered_request import MOST_HEAD_BYTES, Incoming

MOST = 1_000
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(*chunks: bytes) -> bytes:
    sent = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + b"transfer-encoding: chunked\r\n\r\n" + sent + b"0\r\n\r\n"


def bytes_until_whole(request: bytes, step: int) -> int | None:
    """Return how many bytes had to come, `step` at a time."""
    incoming = Incoming(0.0)
    for start in range(0, len(request), step):
        if incoming.take(request[start : start + step], most_bytes=MOST):
            return min(start + step, len(request))
    return None


@given(body=st.binary(max_size=300), step=st.integers(1, 400))
def test_a_body_with_a_length_is_whole_with_its_last_byte(body: bytes, step: int) -> None:
    request = with_length(body)

    assert bytes_until_whole(request, step) == len(request)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.integers(1, 100))
def test_a_body_in_chunks_is_whole_with_its_last_chunk(chunks: list[bytes], step: int) -> None:
    request = in_chunks(*chunks)

    assert bytes_until_whole(request, step) == len(request)


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"x\r\n0\r\n\r\n", b"\r\n\r\n"])
def test_what_looks_like_the_last_chunk_within_another_ends_nothing(body: bytes) -> None:
    request = in_chunks(body, body)

    assert bytes_until_whole(request, 1) == len(request)


def test_without_a_body_the_head_is_all() -> None:
    request = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"

    assert bytes_until_whole(request, 1) == len(request)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"x" * (MOST_HEAD_BYTES + 1),
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: five\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    ],
)
def test_what_the_parser_will_refuse_is_not_waited_for(request_bytes: bytes) -> None:
    assert Incoming(0.0).take(request_bytes, most_bytes=MOST)


def test_a_body_that_is_too_large_is_counted_and_not_kept() -> None:
    incoming = Incoming(0.0)

    whole = [incoming.take(HEAD + b"Content-Length: 5000\r\n\r\n", most_bytes=MOST)]
    whole += [incoming.take(bytes(1_000), most_bytes=MOST) for _ in range(5)]

    assert incoming.too_large
    assert len(incoming.content) < 100
    assert whole == [False] * 5 + [True]


@pytest.mark.parametrize("size", [1, 10, 999, 5_000])
def test_a_body_in_chunks_is_too_large_as_one_with_a_length_is(size: int) -> None:
    chunks = [bytes(size)] * -(-(MOST + 1) // size)
    incoming = Incoming(0.0)

    whole = [incoming.take(part, most_bytes=MOST) for part in (in_chunks(*chunks), bytes(1_000))]

    assert incoming.too_large
    assert len(incoming.content) == 0
    assert whole == [False, False]


def test_a_body_in_chunks_may_have_the_largest_size() -> None:
    request = in_chunks(*[bytes(10)] * (MOST // 10))

    assert bytes_until_whole(request, 7) == len(request)


def test_a_body_that_is_nearly_all_frame_is_too_large() -> None:
    incoming = Incoming(0.0)
    sent = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1;%b\r\nx\r\n" % (b"y" * 900) * 99

    incoming.take(sent, most_bytes=MOST)

    assert incoming.too_large


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    incoming = Incoming(0.0)

    incoming.take(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", most_bytes=MOST)
    asked = incoming.awaits_consent()
    incoming.take(b"1", most_bytes=MOST)

    assert asked
    assert not incoming.awaits_consent()
