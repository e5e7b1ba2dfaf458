"""The Flask application: answers the declared routes, logs and counts each request.

`serving.request` makes the forecasts, as on every stack.  This module reads headers and body, and turns every
error into JSON.  Nothing internal reaches a client: an unexpected exception is logged and answered 500.
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
from serving.errors import DefectError, RequestError
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
"""Size of the requests that batch transform should send, in megabytes; 1 MB has some 30,000 records."""


def application(
    settings: ServingSettings, models: ModelSource, metrics: Metrics, budget: RequestBudget
) -> Flask:
    """Return the application of one worker; `models` and `metrics` are made in that worker."""
    app = Flask("fleetcast", static_folder=None)
    # Flask cuts a longer body in chunks there, without an error
    app.config["MAX_CONTENT_LENGTH"] = budget.max_body_bytes + 1
    app.url_map.merge_slashes = False  # slashes in the name of a model count
    app.url_map.strict_slashes = False
    _log_and_count_requests(app, models, metrics)
    _answer_errors(app, budget)
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
        requested = as_load_request(_decoded_body(budget))
        table.load(requested.model_name, requested.url)
        return _json({"status": f"model {requested.model_name!r} is loaded"})

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
    invocation = Invocation(_body(budget), request.headers, target)
    return _response(
        respond(invocation, look_up_each(find), budget=budget, default_accept=settings.default_accept)
    )


def _body(budget: RequestBudget) -> bytes:
    """Return the body as it was sent; raise `RequestError` if it is too large or incomplete."""
    try:
        body = request.get_data(cache=False)
    except (ParseException, NoMoreData, ClientDisconnected) as error:
        raise RequestError("the body is incomplete, or its chunks are malformed; send it again") from error
    if len(body) > budget.max_body_bytes:
        raise budget.body_too_large()
    return body


def _decoded_body(budget: RequestBudget) -> bytes:
    encoding = request.headers.get("Content-Encoding")
    return run_steps(decode_body(_body(budget), encoding, budget=budget))


def _json(content: object) -> Response:
    return Response(encode(content), content_type=JSON)


def _response(response: ForecastResponse) -> Response:
    g.response = response
    return Response(
        response.body,
        status=int(response.status),
        headers=dict(response.headers),
        content_type=response.content_type,
    )


def _answer_errors(app: Flask, budget: RequestBudget) -> None:
    """Answer every error in JSON, also those of Flask and those that nobody expected."""

    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> Response:
        return _response(error_response(error))

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, RequestEntityTooLarge):
            return _response(error_response(budget.body_too_large()))
        message = f"{status.phrase}: /openapi.json describes the routes and their methods"
        response = _json({"error": {"code": status.name, "message": message}})
        response.status_code = status
        response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
        return response

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        logger.error("%s %s", request.method, quoted(request.path), exc_info=error)
        return _response(error_response(DefectError("the server failed; its log has the reason")))


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
        forecasts: ForecastResponse | None = g.get("response")
        metrics.observe(route=route, status=response.status_code, seconds=seconds)
        if forecasts is not None:
            metrics.observe_forecasts(forecasts.customers, errors=forecasts.failed_records)
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
            forecasts=len(forecasts.customers) if forecasts else 0,
        )
        return response
