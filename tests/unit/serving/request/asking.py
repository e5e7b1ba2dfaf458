"""Requests to a small fleet in memory, for tests of responses."""

import json
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import numpy as np

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import Model, dumps
from serving.errors import ModelNotFoundError
from serving.models import Forecaster, load_packed, look_up_each
from serving.request import Invocation, RecordModel, RequestBudget, Response, RouteModel, respond
from testbed.preparation import fit_with

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
DAY = np.timedelta64(1, "D")
START = np.datetime64("2024-01-01", "us")


@lru_cache
def forecaster(
    *, step: np.timedelta64 = DAY, level: float = 100.0, metadata: str = "{}", **settings: Any
) -> Forecaster:
    model = fit_with(
        START + step * np.arange(60),
        level + np.sin(np.arange(60.0)),
        weekly_seasonality=False,
        daily_seasonality=False,
        **settings,
    )
    assert isinstance(model, Model)
    return load_packed(pack(Archive(dumps(model), json.loads(metadata))))


def find_7_or_8(name: str) -> Forecaster:
    """Return the model of the customers 7 and 8, the only ones of this fleet."""
    if name.removesuffix(".tar.gz") not in {"7", "8"}:
        raise ModelNotFoundError("there is no such model in the model store")
    return forecaster()


def invocation(  # noqa: PLR0913 -- as many parts as a request has, all but one by name
    body: object,
    *,
    media_type: str = JSON,
    accept: str | None = None,
    content_encoding: str | None = None,
    model: str | None = None,
    customer: str | None = None,
) -> Invocation:
    """Return a request; `model` and `customer` are those of a route that names a model."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": media_type, "accept": accept, "content-encoding": content_encoding}
    target = RecordModel() if model is None else RouteModel(model, customer)
    return Invocation(content, {name: text for name, text in headers.items() if text is not None}, target)


def ask(
    body: object, *, find: Any = find_7_or_8, budget: RequestBudget | None = None, **how: Any
) -> Response:
    """Return the response to a request."""
    return respond(invocation(body, **how), look_up_each(find), budget=budget or RequestBudget())


def rows(response: Response) -> list[dict[str, Any]]:
    """Return the rows of the only forecast."""
    assert response.status == HTTPStatus.OK, response.body
    predictions: list[dict[str, Any]] = json.loads(response.body)["predictions"]
    return predictions


def error(response: Response) -> str:
    """Return the message of a response with status 400."""
    assert response.status == HTTPStatus.BAD_REQUEST, response.body[:200]
    return str(json.loads(response.body)["error"]["message"])
