"""The routes of the HTTP server, each declared once: method, path, purpose, parameters, body and errors.

`serving.http.app` answers them, `serving.http.openapi` describes them to programs, and `table` describes them
in the documentation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import msgspec

from serving.errors import RequestError
from serving.http.load_request import LoadRequest
from serving.request import Request

MAX_PER_PAGE: Final = 1_000
DEFAULT_PER_PAGE: Final = 100
"""Models in one page of `GET /models`: at most, and where the request names no number."""
_MAX_DIGITS: Final = 19
"""Digits of a number in a query; more cannot be a row of the table of models."""


class Returns(Enum):
    """The content of a response with status 200."""

    NOTHING = "no body"
    TEXT = "text"
    OBJECT = "a JSON object"
    FORECASTS = "one forecast, or one for each record, in the media type that Accept names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a route in its path, its query or a header; `schema` is JSON Schema."""

    name: str
    place: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryNumber:
    """A whole number in the query of a route."""

    name: str
    default: int
    minimum: int
    maximum: int

    @property
    def parameter(self) -> Parameter:
        """The number as a parameter of its route."""
        schema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return Parameter(name=self.name, place="query", schema=schema)

    def read(self, query: Mapping[str, str]) -> int:
        """Return the number in a query, or the default; raise `RequestError` for other texts."""
        text = query.get(self.name, "")
        if not text:
            return self.default
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if not (is_number and self.minimum <= int(text) <= self.maximum):
            raise RequestError(f"{self.name} must be a whole number from {self.minimum} to {self.maximum}")
        return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    """As Flask writes it: `/models/<name>`."""
    operation: str
    """The name for programs: OpenAPI's operationId and Flask's endpoint."""
    summary: str
    returns: Returns = Returns.OBJECT
    body: type[msgspec.Struct] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[HTTPStatus, ...] = ()


LIMIT: Final = QueryNumber(name="limit", default=DEFAULT_PER_PAGE, minimum=1, maximum=MAX_PER_PAGE)
NEXT_PAGE_TOKEN: Final = QueryNumber(name="next_page_token", default=0, minimum=0, maximum=2**62)
_TOKEN: Final = Parameter(
    name="next_page_token", place="query", schema={"type": "string", "pattern": "^[0-9]{1,18}$"}
)
_NAME: Final = Parameter(name="name", place="path", schema={"type": "string", "minLength": 1})
_TARGET_MODEL: Final = Parameter(
    name="X-Amzn-SageMaker-Target-Model", place="header", schema={"type": "string"}
)
_CUSTOM_ATTRIBUTES: Final = Parameter(
    name="X-Amzn-SageMaker-Custom-Attributes", place="header", schema={"type": "string"}
)
_FORECAST_ERRORS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_MODEL_ERRORS: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

ABOUT: Final = Route(
    method="GET",
    path="/",
    operation="what_this_is",
    summary="One line: the program, its version, and where the routes are described",
    returns=Returns.TEXT,
)
PING: Final = Route(
    method="GET",
    path="/ping",
    operation="ping",
    summary="200 when an invocation can be answered",
    returns=Returns.NOTHING,
)
EXECUTION_PARAMETERS: Final = Route(
    method="GET",
    path="/execution-parameters",
    operation="execution_parameters",
    summary="The concurrency, batch strategy and payload that batch transform should use",
)
METRICS: Final = Route(
    method="GET",
    path="/metrics",
    operation="prometheus",
    summary="Metrics for Prometheus",
    returns=Returns.TEXT,
)
INVOCATIONS: Final = Route(
    method="POST",
    path="/invocations",
    operation="invocations",
    summary="Forecast one customer, or many",
    body=Request,
    returns=Returns.FORECASTS,
    parameters=(_TARGET_MODEL, _CUSTOM_ATTRIBUTES),
    errors=_FORECAST_ERRORS,
)
OPENAPI: Final = Route(
    method="GET",
    path="/openapi.json",
    operation="openapi",
    summary="This document: the routes and the fields of requests in OpenAPI 3.1",
)
LOAD: Final = Route(
    method="POST",
    path="/models",
    operation="load",
    summary="Load a model from the folder to which SageMaker extracted its archive",
    body=LoadRequest,
    errors=(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.INSUFFICIENT_STORAGE,
    ),
)
LIST: Final = Route(
    method="GET",
    path="/models",
    operation="listed",
    summary="The loaded models, page by page",
    parameters=(LIMIT.parameter, _TOKEN),
    errors=(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
)
DESCRIBE: Final = Route(
    method="GET",
    path="/models/<name>",
    operation="described",
    summary="The name and folder of a loaded model",
    parameters=(_NAME,),
    errors=_MODEL_ERRORS,
)
UNLOAD: Final = Route(
    method="DELETE",
    path="/models/<name>",
    operation="unload",
    summary="Unload a model",
    parameters=(_NAME,),
    errors=_MODEL_ERRORS,
)
INVOKE: Final = Route(
    method="POST",
    path="/models/<name>/invoke",
    operation="invoke",
    summary="Forecast with a loaded model",
    body=Request,
    returns=Returns.FORECASTS,
    parameters=(_NAME, _TARGET_MODEL),
    errors=_FORECAST_ERRORS,
)

PLAIN: Final = (ABOUT, PING, EXECUTION_PARAMETERS, METRICS, INVOCATIONS)
MULTI_MODEL: Final = (LOAD, LIST, DESCRIBE, UNLOAD, INVOKE)
"""The routes of a multi-model endpoint besides; Multi Model Server answers them too."""


def served(*, multi_model: bool) -> tuple[Route, ...]:
    """Return the routes of an endpoint in the order of the documentation."""
    return (*PLAIN, *(MULTI_MODEL if multi_model else ()), OPENAPI)


def template(route: Route) -> str:
    """Return the path as OpenAPI writes it: `/models/{name}`."""
    return route.path.replace("<", "{").replace(">", "}")


def table(routes: Iterable[Route] = (*PLAIN, OPENAPI, *MULTI_MODEL)) -> str:
    """Return the routes as a table in Markdown, for the reference page."""
    rows = [
        f"| `{route.method} {template(route)}` | {route.summary} | {route.returns.value} "
        f"| {', '.join(str(int(status)) for status in route.errors) or 'none'} |"
        for route in routes
    ]
    return "\n".join(["| route | purpose | response | errors |", "| --- | --- | --- | --- |", *rows, ""])
