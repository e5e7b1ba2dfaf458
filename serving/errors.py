"""The errors that a client gets: a status, a code and a sentence.

The sentence names what is wrong, the limit or the accepted values, and the next step.  It contains nothing
internal: no path, no traceback, no class name.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Self

from fleetcast.errors import FleetcastError


class RequestError(FleetcastError):
    """A request, or one of its records, gets this error instead of a forecast."""

    status = HTTPStatus.BAD_REQUEST
    headers: ClassVar[Mapping[str, str]] = {}

    @property
    def code(self) -> str:
        """The error's name for programs, such as `BAD_REQUEST`."""
        return self.status.name

    def without_traceback(self) -> Self:
        """Return the same error without its traceback, which keeps the frames of its request alive."""
        return type(self)(*self.args)


class ModelNotFoundError(RequestError):
    """No model has the requested name."""

    status = HTTPStatus.NOT_FOUND


class AlreadyLoadedError(RequestError):
    """A model of this name is loaded."""

    status = HTTPStatus.CONFLICT


class TooLargeError(RequestError):
    """The request body exceeds the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooLongLineError(RequestError):
    """The request's address exceeds the limit."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG


class TooLongHeadError(RequestError):
    """The request has too many headers, or too long ones."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class ExpectationError(RequestError):
    """The request's Expect header has a value that the server does not support."""

    status = HTTPStatus.EXPECTATION_FAILED


class NotAcceptableError(RequestError):
    """The request's Accept header excludes every media type that the server can send."""

    status = HTTPStatus.NOT_ACCEPTABLE


class UnsupportedMediaTypeError(RequestError):
    """The request body has a media type or an encoding that the server does not support."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class DefectError(RequestError):
    """The server failed; the log has the reason, and the client learns no more than that."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class UnavailableError(RequestError):
    """The server cannot answer now: a queue is full, it is shutting down, or the model store is down."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class NoMemoryError(RequestError):
    """There is no memory for another model; SageMaker unloads other models and tries again."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


def no_memory() -> NoMemoryError:
    """Return the error for a load that would leave too little memory."""
    return NoMemoryError(
        "there is no memory for another model; unload one, or lower MODEL_MEMORY_RESERVE_IN_MB, the memory "
        "that must stay free"
    )
