"""The request log: which id a request has, and which requests have a line."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from serving.http.request_log import RequestLog, request_id


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before = logger.level
    yield logger
    logger.setLevel(before)


def test_the_id_of_the_client_is_taken_and_its_own_header_comes_first() -> None:
    assert request_id({"X-Request-Id": "mine", "X-Amzn-RequestId": "amazons"}) == "mine"
    assert request_id({"X-Amzn-RequestId": "amazons"}) == "amazons"


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ü", "x" * 129])
def test_an_id_that_would_damage_the_log_is_replaced_by_a_new_one(text: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", request_id({"X-Request-Id": text}))


@pytest.mark.parametrize(
    ("level", "routes"),
    [
        (logging.DEBUG, ["/ping", "/invocations"]),
        (logging.INFO, ["/invocations"]),
        (logging.WARNING, []),
    ],
)
def test_the_log_level_decides_which_routes_are_logged(
    root: logging.Logger, level: int, routes: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    root.setLevel(level)
    log = RequestLog()

    for route in ("/ping", "/invocations"):
        log.write(route=route, status=200, seconds=0.1234567, target_model=None, forecasts=1)

    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["route"] for line in lines] == routes
    assert all(line["seconds"] == 0.123457 and "target_model" not in line for line in lines)
