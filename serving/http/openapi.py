"""Renders the OpenAPI 3.1 document from the declared routes and the fields of a request."""

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec

from serving.http.load_request import LoadRequest
from serving.http.routes import Parameter, Returns, Route, template
from serving.request import COLUMNS_WITHOUT_HEADER, CSV, JSON, JSON_LINES, MAX_RECORDS, Request

Schema = dict[str, Any]

_REFUSED: Final = {"$ref": "#/components/schemas/Error"}


def document(routes: Iterable[Route]) -> Schema:
    """Return the OpenAPI document of these routes."""
    references, components = msgspec.json.schema_components(
        [Request, LoadRequest], ref_template="#/components/schemas/{name}"
    )
    request, load_request = references
    paths: dict[str, Schema] = {}
    for route in routes:
        bodies = {Request: _bodies(request), LoadRequest: {JSON: {"schema": load_request}}}
        content = {} if route.body is None else bodies[route.body]
        paths.setdefault(template(route), {})[route.method.lower()] = _operation(route, content)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fleetcast",
            "version": version("fleetcast"),
            "summary": "One Prophet forecasting model per customer",
        },
        "paths": paths,
        "components": {"schemas": components | {"Error": _ERROR, "Forecast": _FORECAST}},
    }


def _operation(route: Route, content: Schema) -> Schema:
    operation: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "responses": {"200": _success(route)}
        | {str(int(status)): _refusal(status) for status in route.errors},
    }
    if content:
        operation["requestBody"] = {"required": route.body is LoadRequest, "content": content}
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    return operation


def _bodies(request: Schema) -> Schema:
    many = {
        "type": "object",
        "properties": {
            "requests": {"type": "array", "items": request, "minItems": 1, "maxItems": MAX_RECORDS}
        },
        "required": ["requests"],
        "additionalProperties": False,
    }
    return {
        JSON: {"schema": {"anyOf": [request, many]}},
        JSON_LINES: {"schema": {"type": "string", "description": "one such request a line"}},
        CSV: {
            "schema": {
                "type": "string",
                "description": "a header of fields, or none for "
                + ",".join(COLUMNS_WITHOUT_HEADER)
                + "; one request a line",
            }
        },
    }


def _success(route: Route) -> Schema:
    match route.returns:
        case Returns.NOTHING:
            return {"description": route.returns.value}
        case Returns.FORECASTS:
            content: Schema = {
                JSON: {"schema": {"$ref": "#/components/schemas/Forecast"}},
                JSON_LINES: {"schema": {"type": "string"}},
                CSV: {"schema": {"type": "string"}},
            }
        case Returns.TEXT:
            content = {"text/plain": {"schema": {"type": "string"}}}
        case Returns.OBJECT:
            content = {JSON: {"schema": {"type": "object"}}}
    return {"description": route.returns.value, "content": content}


def _refusal(status: HTTPStatus) -> Schema:
    return {"description": status.phrase, "content": {JSON: {"schema": _REFUSED}}}


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "schema": dict(parameter.schema),
    }


_ERROR: Final[Schema] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        },
        "target_model": {"type": ["string", "null"]},
        "record": {"type": "integer", "minimum": 0},
    },
    "required": ["error"],
}
_ROW: Final[Schema] = {
    "type": "object",
    "properties": {"ds": {"type": "string"}, "yhat": {"type": "number"}},
    "required": ["ds", "yhat"],
    "additionalProperties": {"type": ["number", "null"]},
}
_ONE: Final[Schema] = {
    "type": "object",
    "properties": {"target_model": {"type": "string"}, "predictions": {"type": "array", "items": _ROW}},
    "required": ["target_model", "predictions"],
}
_FORECAST: Final[Schema] = {
    "anyOf": [
        _ONE,
        {
            "type": "object",
            "properties": {"responses": {"type": "array", "items": {"anyOf": [_ONE, _REFUSED]}}},
            "required": ["responses"],
        },
    ]
}
