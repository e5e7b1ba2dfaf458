"""The Flask application: HTTP on one side, the handler that every stack shares on the other."""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from flask import Flask, Response, g, request
from gunicorn.http.errors import NoMoreData, ParseException
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from container import quoted
from serving.errors import DefectError, RequestError, TooLargeError
from serving.http.loaded_models import MOST_PER_PAGE
from serving.http.metrics import Metrics
from serving.http.model_source import LoadedModels, Models
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
    decode,
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
DEFAULT_PER_PAGE: Final = 100
BATCH_MEGABYTES: Final = 1
"""Of records that batch transform should send at once: some 30,000 of them."""


def application(settings: ServingSettings, models: Models, metrics: Metrics) -> Flask:
    """Return the application; what it needs is made by the worker it runs in."""
    app = Flask("fleetcast", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes + 1  # a stream is cut there without a word
    app.url_map.merge_slashes = False  # a model's name is a key
    app.url_map.strict_slashes = False
    _observe(app, models, metrics)
    _answer_errors(app, settings)
    budget = RequestBudget(max_body_bytes=settings.max_request_bytes)
    _add_plain_routes(app, settings, models, metrics, budget)
    if models.loaded is not None:
        _add_multi_model_routes(app, settings, models.loaded, budget)
    app.add_url_rule("/openapi.json", "openapi", lambda: _json(document(app)))
    return app


def _add_plain_routes(
    app: Flask, settings: ServingSettings, models: Models, metrics: Metrics, budget: RequestBudget
) -> None:
    about = f"fleetcast {version('fleetcast')}: forecasts by POST /invocations, described by /openapi.json\n"

    @app.get("/")
    def what_this_is() -> Response:
        return Response(about, content_type=TEXT)

    @app.get("/ping")
    def ping() -> Response:
        return Response(status=HTTPStatus.OK, content_type=TEXT)

    @app.get("/execution-parameters")
    def execution_parameters() -> Response:
        return _json(
            {
                "MaxConcurrentTransforms": settings.processes,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": BATCH_MEGABYTES,
            }
        )

    @app.get("/metrics")
    def prometheus() -> Response:
        return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)

    @app.post("/invocations")
    def invocations() -> Response:
        g.target_model = target_model_from_headers(request.headers) or models.default_model
        return _forecast(settings, budget, models.find, RecordModel(g.target_model))


def _add_multi_model_routes(
    app: Flask, settings: ServingSettings, models: LoadedModels, budget: RequestBudget
) -> None:
    shared, find = models.shared, models.cache.get

    @app.post("/models")
    def load() -> Response:
        name, url = _load_request(_decoded_body(settings, budget))
        shared.load(name, url)
        return _json({"status": f"model {name!r} is loaded"})

    @app.get("/models")
    def listed() -> Response:
        limit = _number("limit", default=DEFAULT_PER_PAGE, least=1, most=MOST_PER_PAGE)
        after = _number("next_page_token", default=0, least=0, most=2**62)
        page, token = shared.page(limit=limit, after=after)
        content: dict[str, Any] = {
            "models": [{"modelName": each.name, "modelUrl": each.url} for each in page]
        }
        return _json(content if token is None else content | {"nextPageToken": str(token)})

    @app.get("/models/<name>")
    def described(name: str) -> Response:
        found = shared.describe(name)
        return _json({"modelName": found.name, "modelUrl": found.url})

    @app.delete("/models/<name>")
    def unload(name: str) -> Response:
        shared.unload(name)
        return _json({"status": f"model {name!r} is unloaded"})

    @app.post("/models/<name>/invoke")
    def invoke(name: str) -> Response:
        # before the body is looked at: 404 for an unknown model, whatever it is asked
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


def _load_request(body: bytes) -> tuple[str, str]:
    content = decode(body)
    content = content if isinstance(content, Mapping) else {}
    name, url = content.get("model_name"), content.get("url")
    if not isinstance(name, str) or not isinstance(url, str):
        raise RequestError('{"model_name": "7", "url": "/opt/ml/models/7/model"} is expected')
    return name, url


def _number(name: str, *, default: int, least: int, most: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):  # noqa: PLR2004
        raise RequestError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


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


def _observe(app: Flask, models: Models, metrics: Metrics) -> None:
    """Give each request an id, a line in the log and its place in the metrics."""
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
