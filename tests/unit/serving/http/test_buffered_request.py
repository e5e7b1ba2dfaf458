"""When a request counts as complete, and what of it is held until then."""

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import TooLongHeadError
from serving.http.buffered_request import (
    MAX_DISCARDED_BYTES,
    BufferedRequest,
    Complete,
    Discarded,
    Incomplete,
    Malformed,
    TooLarge,
)
from serving.http.head_parser import MAX_HEAD_BYTES, HeadParser
from serving.request import RequestBudget

MOST = 1_000
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


def buffered(budget: RequestBudget | None = None) -> BufferedRequest:
    parser = HeadParser(Config(), ("127.0.0.1", 1))
    return BufferedRequest(parser.parse_head, budget=budget or RequestBudget(max_body_bytes=MOST))


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(*chunks: bytes) -> bytes:
    sent = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + CHUNKED + sent + b"0\r\n\r\n"


def bytes_until_complete(sent: bytes, step: int) -> int | None:
    """Return how many bytes had to come, `step` at a time."""
    request = buffered()
    for start in range(0, len(sent), step):
        if isinstance(request.receive(sent[start : start + step]), Complete):
            return min(start + step, len(sent))
    return None


@given(body=st.binary(max_size=300), step=st.integers(1, 400))
def test_a_body_with_a_length_is_complete_with_its_last_byte(body: bytes, step: int) -> None:
    request = with_length(body)

    assert bytes_until_complete(request, step) == len(request)


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.integers(1, 100))
def test_a_body_in_chunks_is_complete_with_its_last_chunk(chunks: list[bytes], step: int) -> None:
    request = in_chunks(*chunks)

    assert bytes_until_complete(request, step) == len(request)


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"x\r\n0\r\n\r\n", b"\r\n\r\n"])
def test_bytes_like_the_last_chunk_within_another_chunk_end_nothing(body: bytes) -> None:
    request = in_chunks(body, body)

    assert bytes_until_complete(request, 1) == len(request)


def test_a_request_without_a_body_is_complete_with_its_head() -> None:
    request = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"

    assert bytes_until_complete(request, 1) == len(request)


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: five\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 1),
    ],
    ids=range(6),
)
def test_a_head_that_is_refused_is_refused_before_its_body_comes(head: bytes) -> None:
    assert isinstance(buffered().receive(head), Malformed)


def test_a_head_without_an_end_is_refused_at_the_limit() -> None:
    request = buffered()
    head = HEAD + b"a: %b\r\n" % (b"b" * 8_000) * 9

    states = [request.receive(head[:MAX_HEAD_BYTES]), request.receive(head[MAX_HEAD_BYTES:])]

    assert states[0] == Incomplete()
    assert isinstance(states[1], Malformed)
    assert isinstance(states[1].error, TooLongHeadError)
    assert str(states[1].error) == "the head of the request is longer than 65536 bytes"


def test_a_malformed_chunk_completes_the_request() -> None:
    assert isinstance(buffered().receive(HEAD + CHUNKED + b"not hexadecimal\r\n"), Complete)


def test_a_body_that_is_too_large_is_discarded_up_to_its_end() -> None:
    budget = RequestBudget(max_body_bytes=MOST)
    request = buffered(budget)

    states = [request.receive(HEAD + b"Content-Length: 5000\r\n\r\n")]
    states += [request.receive(bytes(1_000)) for _ in range(5)]

    assert states == [TooLarge(), *[Incomplete()] * 4, Discarded()]
    assert budget.buffered_bytes == 0
    assert not request.has_begun


def test_a_body_that_is_too_large_is_discarded_up_to_a_limit() -> None:
    request = buffered()
    request.receive(HEAD + b"Content-Length: 999999999999\r\n\r\n")

    states = [request.receive(bytes(MAX_DISCARDED_BYTES - 1)), request.receive(b"1")]

    assert states == [Incomplete(), Discarded()]


@pytest.mark.parametrize("size", [1, 10, 999, 5_000])
def test_a_body_in_chunks_is_too_large_as_one_with_a_length_is(size: int) -> None:
    budget = RequestBudget(max_body_bytes=MOST)
    request = buffered(budget)
    chunks = [bytes(size)] * -(-(MOST + 1) // size)

    states = [request.receive(part) for part in (in_chunks(*chunks), bytes(1_000))]

    assert states == [TooLarge(), Incomplete()]
    assert budget.buffered_bytes == 0


def test_a_body_in_chunks_may_have_the_largest_size() -> None:
    request = in_chunks(*[bytes(10)] * (MOST // 10))

    assert bytes_until_complete(request, 7) == len(request)


def test_a_body_that_is_nearly_all_frame_is_too_large() -> None:
    request = buffered()

    assert request.receive(HEAD + CHUNKED + b"1;%b\r\nx\r\n" % (b"y" * 900) * 99) == TooLarge()


def test_a_client_may_ask_before_it_sends_the_body() -> None:
    request = buffered()

    states = [request.receive(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")]
    states += [request.receive(b"1")]

    assert states == [Incomplete(awaits_continue=True), Incomplete()]


def test_the_budget_counts_the_bytes_of_a_request_until_they_are_released() -> None:
    budget = RequestBudget(max_body_bytes=MOST)
    requests = buffered(budget), buffered(budget)

    for request in requests:
        request.receive(with_length(bytes(100))[:-1])
    both = budget.buffered_bytes
    requests[0].release()

    assert both == 2 * (len(with_length(bytes(100))) - 1)
    assert budget.buffered_bytes == both // 2
