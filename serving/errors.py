"""What a client did wrong, or asked of us at a bad moment: a status, a code and a sentence."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from fleetcast.errors import FleetcastError


class RequestError(FleetcastError):
    """A request that is not answered with a forecast; the text says what was wrong and what is accepted."""

    status = HTTPStatus.BAD_REQUEST
    headers: ClassVar[Mapping[str, str]] = {}

    @property
    def code(self) -> str:
        """The error's name for programs, such as `BAD_REQUEST`."""
        return self.status.name


class ModelNotFoundError(RequestError):
    """There is no model where one was asked for."""

    status = HTTPStatus.NOT_FOUND


class AlreadyLoadedError(RequestError):
    """The model is loaded already."""

    status = HTTPStatus.CONFLICT


class TooLargeError(RequestError):
    """The request body is larger than what is accepted."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooLongLineError(RequestError):
    """The request's address is longer than what is accepted."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG


class TooLongHeadError(RequestError):
    """The request's headers are more or longer than what is accepted."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class ExpectationError(RequestError):
    """The client expects something of the server that it does not do."""

    status = HTTPStatus.EXPECTATION_FAILED


class NotAcceptableError(RequestError):
    """The client accepts no content type that could be sent."""

    status = HTTPStatus.NOT_ACCEPTABLE


class UnsupportedMediaTypeError(RequestError):
    """The request body has a content type that is not understood."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class DefectError(RequestError):
    """A defect of this server; the client learns no more than that."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class UnavailableError(RequestError):
    """Not now: too much waits already, the server stops, or the model store does not answer."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class NoMemoryError(RequestError):
    """There is no memory for another model; SageMaker unloads others and asks again."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
