"""The sentences with which gunicorn's side refuses requests."""

import logging

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData

from serving.errors import RequestError, no_memory
from serving.http.head_parser import HeadParser, request_error
from serving.request import RequestBudget

LINE = b"GET /ping HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("head", "status", "sentence"),
    [
        (
            b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * 8_190),
            414,
            "the request line is longer than 8190 bytes; send long values in the body",
        ),
        (
            LINE + b"a: b\r\n" * 101 + b"\r\n",
            431,
            "a request may have 100 headers of at most 8190 bytes each",
        ),
        (
            LINE + b"a: %b\r\n\r\n" % (b"b" * 8_190),
            431,
            "a request may have 100 headers of at most 8190 bytes each",
        ),
        (LINE + b"Expect: 200-ok\r\n\r\n", 417, "Expect must be 100-continue, or left out"),
        (b"hello\r\n\r\n", 400, "the request is not HTTP/1.1, or its head is malformed"),
        (
            LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            400,
            "Transfer-Encoding must be chunked, or left out",
        ),
    ],
    ids=range(6),
)
def test_a_head_that_is_refused_gets_a_sentence(head: bytes, status: int, sentence: str) -> None:
    cfg = Config()
    for name, value in (("request_line", 8_190), ("request_fields", 100), ("request_field_size", 8_190)):
        cfg.set(f"limit_{name}", value)

    with pytest.raises(RequestError) as raised:
        HeadParser(cfg, ("127.0.0.1", 1)).parse_head(head)

    assert (raised.value.status, str(raised.value)) == (status, sentence)


def test_an_exception_that_is_no_clients_fault_is_logged_and_not_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        error = request_error(ZeroDivisionError("a secret"))

    assert (error.status, str(error)) == (500, "the server failed; its log has the reason")
    assert "a secret" in caplog.text


def test_a_limit_is_named_with_the_setting_that_moves_it() -> None:
    budget = RequestBudget(max_body_bytes=1_000)

    assert str(budget.body_too_large()) == (
        "the body exceeds the limit of 1000 bytes (SAGEMAKER_MAX_PAYLOAD_IN_MB); send fewer records at once"
    )
    assert str(no_memory()) == (
        "there is no memory for another model; unload one, or lower MODEL_MEMORY_RESERVE_IN_MB, the memory "
        "that must stay free"
    )
    assert str(request_error(NoMoreData())) == "the head of the request is longer than 65536 bytes"
