"""The OpenAPI document of a running application, made from its routes and from the schema of its requests."""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec
from flask import Flask

from serving.http.loaded_models import MOST_PER_PAGE
from serving.models import MOST_BYTES
from serving.request import COLUMNS_WITHOUT_HEADER, CSV, JSON, JSON_LINES, MOST_RECORDS, Request

Schema = dict[str, Any]

_REFUSED: Final = {"$ref": "#/components/schemas/Error"}
_ERRORS: Final[dict[str, tuple[HTTPStatus, ...]]] = {
    "invocations": (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    "load": (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.INSUFFICIENT_STORAGE,
    ),
    "listed": (HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    "described": (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    "unload": (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
}
_ERRORS["invoke"] = _ERRORS["invocations"]
_SUMMARIES: Final = {
    "what_this_is": "One line that says what this is",
    "ping": "200 when an invocation can be answered",
    "execution_parameters": "How batch transform should ask",
    "prometheus": "Metrics for Prometheus",
    "openapi": "This document",
    "invocations": "Forecast one customer, or many",
    "load": "Load the model of a folder below the model store",
    "listed": "The loaded models, page by page",
    "described": "A loaded model",
    "unload": "Unload a model",
    "invoke": "Forecast with a loaded model",
}
_TEXTS: Final = frozenset({"what_this_is", "prometheus"})


def document(app: Flask) -> Schema:
    """Return the OpenAPI 3.1 document of an application's routes."""
    (reference,), components = msgspec.json.schema_components(
        [Request], ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Schema] = {}
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<name>", "{name}")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule.endpoint, reference)
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


def _operation(endpoint: str, request: Schema) -> Schema:
    operation: Schema = {
        "operationId": endpoint,
        "summary": _SUMMARIES[endpoint],
        "responses": {"200": _success(endpoint)}
        | {str(int(status)): _refusal(status) for status in _ERRORS.get(endpoint, ())},
    }
    if endpoint in {"invocations", "invoke"}:
        operation["requestBody"] = {"required": False, "content": _bodies(request)}
    if endpoint == "load":
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _LOAD}}}
    parameters = [*_PARAMETERS.get(endpoint, ())]
    if parameters:
        operation["parameters"] = parameters
    return operation


def _bodies(request: Schema) -> Schema:
    many = {
        "type": "object",
        "properties": {
            "requests": {"type": "array", "items": request, "minItems": 1, "maxItems": MOST_RECORDS}
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


def _success(endpoint: str) -> Schema:
    if endpoint in {"invocations", "invoke"}:
        forecasts: Schema = {
            JSON: {"schema": {"$ref": "#/components/schemas/Forecast"}},
            JSON_LINES: {"schema": {"type": "string"}},
            CSV: {"schema": {"type": "string"}},
        }
        return {"description": "the forecast, or one for each record", "content": forecasts}
    if endpoint == "ping":
        return {"description": "healthy"}
    kind = "text/plain" if endpoint in _TEXTS else JSON
    schema = {"type": "string"} if endpoint in _TEXTS else {"type": "object"}
    return {"description": _SUMMARIES[endpoint], "content": {kind: {"schema": schema}}}


def _refusal(status: HTTPStatus) -> Schema:
    return {"description": status.phrase, "content": {JSON: {"schema": _REFUSED}}}


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


_NAME: Final = _parameter("name", "path", {"type": "string", "minLength": 1})
_PARAMETERS: Final[dict[str, tuple[Schema, ...]]] = {
    "invocations": (
        _parameter("X-Amzn-SageMaker-Target-Model", "header", {"type": "string"}),
        _parameter("X-Amzn-SageMaker-Custom-Attributes", "header", {"type": "string"}),
    ),
    "listed": (
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE}),
        _parameter("next_page_token", "query", {"type": "string", "pattern": "^[0-9]{1,18}$"}),
    ),
    "described": (_NAME,),
    "unload": (_NAME,),
    "invoke": (
        _NAME,
        _parameter("X-Amzn-SageMaker-Target-Model", "header", {"type": "string"}),
    ),
}
_LOAD: Final[Schema] = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string", "minLength": 1, "maxLength": MOST_BYTES},
        "url": {"type": "string"},
    },
    "required": ["model_name", "url"],
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
