"""What goes back to the client of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from serving.errors import RequestError
from serving.request.media_types import JSON
from serving.request.records import Failure
from serving.request.results import failure_content
from serving.request.schema import encode


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and body, and for log and metrics whose forecasts are in it."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    customers: tuple[str, ...] = ()
    """The customer of each forecast."""
    failed_records: int = 0
    """How many records got an error."""


def error_response(error: RequestError) -> Response:
    """Return the response to a request that gets no forecast at all."""
    return failure_response(Failure.of(error, None))


def failure_response(failure: Failure) -> Response:
    """Return the response to a request whose only record failed."""
    content = encode(failure_content(failure, None))
    return Response(failure.error.status, content, JSON, failure.error.headers, failed_records=1)
