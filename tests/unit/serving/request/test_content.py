"""Which kind an answer has."""

import pytest

from serving.errors import NotAcceptableError
from serving.request.media_types import KINDS, accepted

JSON, LINES, CSV = KINDS


@pytest.mark.parametrize(
    ("accept", "usual", "kind"),
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
def test_the_kind_of_highest_quality_is_answered(accept: str, usual: str, kind: str) -> None:
    assert accepted(accept, usual=usual) == kind


@pytest.mark.parametrize(
    "accept", ["image/png", "*/*;q=0", "application/json;q=0", "nonsense", "text/csv;q=0.0", "text/csv;q=x"]
)
def test_what_cannot_be_sent_is_told_what_can(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="Accept must name one of application/json"):
        accepted(accept, usual=JSON)


def test_a_header_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(NotAcceptableError, match="2000 characters"):
        accepted("text/csv," * 1_000, usual=JSON)
