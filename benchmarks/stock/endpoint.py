"""The Flask application that anyone writes first: Prophet behind the routes of a plain endpoint."""

import io
import json
import os
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from prophet import Prophet
from prophet.serialize import model_from_json

app = Flask("stock")


@cache
def find(customer: str) -> Prophet:
    """Return the model of an archive."""
    path = Path(os.environ["MODEL_FOLDER"]) / f"{customer}.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as tar:
        member = tar.extractfile("model.json")
        assert member is not None  # noqa: S101
        return model_from_json(member.read().decode())


@app.get("/ping")
def ping() -> Response:
    """Return 200."""
    return Response()


@app.post("/invocations")
def invocations() -> Response:
    """Return a forecast, or one for each of `requests`."""
    body = request.get_json()
    if "requests" in body:
        return _json({"responses": [forecast(each) for each in body["requests"]]})
    return _json(forecast(body))


def forecast(asked: dict[str, Any]) -> dict[str, Any]:
    """Return one forecast."""
    model = find(asked["target_model"])
    future = model.make_future_dataframe(asked["period"], include_history=False)
    table = model.predict(future)[["ds", "yhat", "yhat_lower", "yhat_upper"]]
    records = json.loads(table.to_json(orient="records", date_format="iso"))
    return {"target_model": asked["target_model"], "predictions": records}


def _json(content: object) -> Response:
    return Response(json.dumps(content), content_type="application/json")
