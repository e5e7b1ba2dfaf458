"""The media type of a response, by the Accept header and the type of the request."""

import pytest

from serving.errors import NotAcceptableError
from serving.request.media_types import MEDIA_TYPES, media_type_of_response

JSON, LINES, CSV = MEDIA_TYPES


@pytest.mark.parametrize(
    ("accept", "default", "expected"),
    [
        ("*/*", LINES, LINES),
        ("", CSV, CSV),
        ("text/csv;q=0.1, application/json;q=0.9", LINES, JSON),
        ("text/csv;charset=utf-8;q=0.1, application/json;q=0.9", JSON, JSON),
        ("application/json;q=0, */*", JSON, LINES),
        ("application/json;q=0.2, */*;q=0.9", JSON, LINES),
        ("text/csv; header=present", JSON, CSV),
        ("text/*", JSON, CSV),
        ("application/*", CSV, JSON),
        ("application/*", LINES, LINES),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, image/webp, */*;q=0.8", JSON, JSON),
        ("application/x-ndjson", JSON, LINES),
        ("TEXT/CSV", JSON, CSV),
        ("application/json, application/json;q=0.1", JSON, JSON),
        ("*/*;q=0.5, text/csv;q=0", CSV, JSON),
    ],
)
def test_the_response_has_the_media_type_of_highest_quality(accept: str, default: str, expected: str) -> None:
    assert media_type_of_response(accept, default=default) == expected


@pytest.mark.parametrize(
    "accept", ["image/png", "*/*;q=0", "application/json;q=0", "nonsense", "text/csv;q=0.0", "text/csv;q=x"]
)
def test_an_error_names_the_media_types_that_can_be_sent(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="Accept must name one of application/json"):
        media_type_of_response(accept, default=JSON)


def test_a_very_long_header_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(NotAcceptableError, match="the limit is 2000"):
        media_type_of_response("text/csv," * 1_000, default=JSON)
