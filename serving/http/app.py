"""The Flask application: answers the declared routes, logs and counts each request.

Forecasts are made by `serving.request`, as on every stack; this module reads headers and body, and turns
every error into JSON.  Nothing internal reaches a client: a defect is logged and answered 500.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, TypeAlias

from flask import Flask, Response, g, request
from gunicorn.http.errors import NoMoreData, ParseException
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from container import quoted
from serving.errors import DefectError, RequestError, TooLargeError
from serving.http import routes
from serving.http.load_request import as_load_request
from serving.http.metrics import Metrics
from serving.http.model_source import LoadedModels, ModelSource
from serving.http.openapi import document
from serving.http.request_log import RequestLog, request_id
from serving.models import Forecaster, look_up_each
from serving.request import (
    JSON,
    Invocation,
    RecordModel,
    RequestBudget,
    RouteModel,
    customer_from_headers,
    decode_body,
    encode,
    error_response,
    respond,
    target_model_from_headers,
)
from serving.request import Response as ForecastResponse
from serving.settings import ServingSettings
from serving.steps import run_steps

logger = logging.getLogger(__name__)

TEXT: Final = "text/plain; charset=utf-8"
View: TypeAlias = Callable[..., Response]
BATCH_MEGABYTES: Final = 1
"""The size of the requests that batch transform should send, in megabytes: some 30,000 records."""


def application(
    settings: ServingSettings, models: ModelSource, metrics: Metrics, budget: RequestBudget
) -> Flask:
    """Return the application of one worker; `models` and `metrics` are made in that worker."""
    app = Flask("fleetcast", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes + 1  # Flask cuts a stream there silently
    app.url_map.merge_slashes = False  # a model's name is a key
    app.url_map.strict_slashes = False
    _log_and_count_requests(app, models, metrics)
    _answer_errors(app, settings)
    _add_plain_routes(app, settings, models, metrics, budget)
    if models.loaded is not None:
        _add_multi_model_routes(app, settings, models.loaded, budget)
    described = document(routes.served(multi_model=models.loaded is not None))
    _route(app, routes.OPENAPI)(lambda: _json(described))
    return app


def _route(app: Flask, route: routes.Route) -> Callable[[View], View]:
    """Return a decorator that has the application answer a declared route with a function."""

    def register(view: View) -> View:
        app.add_url_rule(route.path, route.operation, view, methods=[route.method])
        return view

    return register


def _add_plain_routes(
    app: Flask, settings: ServingSettings, models: ModelSource, metrics: Metrics, budget: RequestBudget
) -> None:
    line = f"fleetcast {version('fleetcast')}: forecasts by POST /invocations, described by /openapi.json\n"

    @_route(app, routes.ABOUT)
    def about() -> Response:
        return Response(line, content_type=TEXT)

    @_route(app, routes.PING)
    def ping() -> Response:
        return Response(status=HTTPStatus.OK, content_type=TEXT)

    @_route(app, routes.EXECUTION_PARAMETERS)
    def execution_parameters() -> Response:
        return _json(
            {
                "MaxConcurrentTransforms": settings.processes,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": BATCH_MEGABYTES,
            }
        )

    @_route(app, routes.METRICS)
    def prometheus() -> Response:
        return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)

    @_route(app, routes.INVOCATIONS)
    def invocations() -> Response:
        g.target_model = target_model_from_headers(request.headers) or models.default_model
        return _forecast(settings, budget, models.find, RecordModel(g.target_model))


def _add_multi_model_routes(
    app: Flask, settings: ServingSettings, models: LoadedModels, budget: RequestBudget
) -> None:
    table, find = models.table, models.cache.get

    @_route(app, routes.LOAD)
    def load() -> Response:
        wanted = as_load_request(_decoded_body(settings, budget))
        table.load(wanted.model_name, wanted.url)
        return _json({"status": f"model {wanted.model_name!r} is loaded"})

    @_route(app, routes.LIST)
    def page() -> Response:
        limit = routes.LIMIT.read(request.args)
        after = routes.NEXT_PAGE_TOKEN.read(request.args)
        models, token = table.page(limit=limit, after=after)
        content: dict[str, Any] = {
            "models": [{"modelName": model.name, "modelUrl": model.url} for model in models]
        }
        return _json(content if token is None else content | {"nextPageToken": str(token)})

    @_route(app, routes.DESCRIBE)
    def describe(name: str) -> Response:
        model = table.describe(name)
        return _json({"modelName": model.name, "modelUrl": model.url})

    @_route(app, routes.UNLOAD)
    def unload(name: str) -> Response:
        table.unload(name)
        return _json({"status": f"model {name!r} is unloaded"})

    @_route(app, routes.INVOKE)
    def invoke(name: str) -> Response:
        # the model before the body: an unknown model is 404 whatever the body holds
        customer = customer_from_headers(request.headers) or find(name).customer
        g.target_model = customer or name
        return _forecast(settings, budget, find, RouteModel(name, customer))


def _forecast(
    settings: ServingSettings,
    budget: RequestBudget,
    find: Callable[[str], Forecaster],
    target: RouteModel | RecordModel,
) -> Response:
    invocation = Invocation(_body(settings), request.headers, target)
    return _response(
        respond(invocation, look_up_each(find), budget=budget, default_accept=settings.default_accept)
    )


def _body(settings: ServingSettings) -> bytes:
    """Return the whole body as it was sent; raise `RequestError` where it is too large or not whole."""
    try:
        body = request.get_data(cache=False)
    except (ParseException, NoMoreData, ClientDisconnected) as error:
        raise RequestError("the body is not whole, or its chunks are malformed") from error
    if len(body) > settings.max_request_bytes:
        raise TooLargeError(f"a request may have {settings.max_request_bytes} bytes")
    return body


def _decoded_body(settings: ServingSettings, budget: RequestBudget) -> bytes:
    encoding = request.headers.get("Content-Encoding")
    return run_steps(decode_body(_body(settings), encoding, budget=budget))


def _json(content: object) -> Response:
    return Response(encode(content), content_type=JSON)


def _response(answered: ForecastResponse) -> Response:
    g.answer = answered
    return Response(
        answered.body,
        status=int(answered.status),
        headers=dict(answered.headers),
        content_type=answered.content_type,
    )


def _answer_errors(app: Flask, settings: ServingSettings) -> None:
    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> Response:
        return _response(error_response(error))

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        message = f"{status.phrase}; /openapi.json says what is served"
        if isinstance(error, RequestEntityTooLarge):
            message = f"a request may have {settings.max_request_bytes} bytes"
        response = _json({"error": {"code": status.name, "message": message}})
        response.status_code = status
        response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
        return response

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        logger.error("%s %s", request.method, quoted(request.path), exc_info=error)
        return _response(error_response(DefectError("the server failed; its log says why")))


def _log_and_count_requests(app: Flask, models: ModelSource, metrics: Metrics) -> None:
    """Give each request an id, write a log line for its response, and count both."""
    log = RequestLog()

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        g.request_id = request_id(request.headers)

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = str(request.url_rule) if request.url_rule is not None else "(none)"
        answered: ForecastResponse | None = g.get("answer")
        metrics.observe(route=route, status=response.status_code, seconds=seconds)
        if answered is not None:
            metrics.observe_forecasts(answered.customers, errors=answered.failed_records)
        metrics.observe_cache(
            models=sum(len(cache) for cache in models.caches),
            size_bytes=sum(cache.cached_bytes for cache in models.caches),
        )
        response.headers["X-Request-Id"] = g.request_id
        log.write(
            request_id=g.request_id,
            method=request.method,
            route=route,
            status=response.status_code,
            seconds=seconds,
            request_bytes=request.content_length or 0,
            response_bytes=response.calculate_content_length() or 0,
            target_model=g.get("target_model"),
            forecasts=len(answered.customers) if answered else 0,
        )
        return response
