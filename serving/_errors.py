"""What a client did wrong, or asked of us at a bad moment: a status, a code and a sentence."""

from http import HTTPStatus


class RequestError(Exception):
    """A request that is not answered with a forecast; the text says what was wrong and what is accepted."""

    status = HTTPStatus.BAD_REQUEST

    @property
    def code(self) -> str:
        """The error's name for programs, such as `BAD_REQUEST`."""
        return self.status.name


class ModelNotFoundError(RequestError):
    """There is no model where one was asked for."""

    status = HTTPStatus.NOT_FOUND


class UnsupportedMediaTypeError(RequestError):
    """The request body has a content type that is not understood."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class NotAcceptableError(RequestError):
    """The client accepts no content type that could be sent."""

    status = HTTPStatus.NOT_ACCEPTABLE


class StoreUnreachableError(RequestError):
    """The model store does not answer for the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class DefectError(RequestError):
    """A defect of this server; the client learns no more than that."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
