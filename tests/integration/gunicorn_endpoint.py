"""Requests to a plain endpoint, and helpers to read its responses, metrics and processes."""

import json
import time
from pathlib import Path
from typing import Any

import psutil

from container import usable_cpus
from testbed.server import Answer, Server
from tests.unit.models import packed_model

TARGET = "X-Amzn-SageMaker-Target-Model"
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LEVELS = range(1, 11)
LINES = "application/jsonlines"


def write_fleet(folder: Path) -> None:
    """Write the archives 1 to 10, each of a model that forecasts its own number."""
    folder.mkdir(parents=True)
    for level in LEVELS:
        (folder / f"{level}.tar.gz").write_bytes(packed_model(float(level)))


def ask(server: Server, body: object, *, kind: str = "application/json", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", "/invocations", content, content_type=kind, headers=named)


def level(forecast: Any) -> int:
    return round(forecast["predictions"][0]["yhat"])


def levels(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.content
    return [level(forecast) for forecast in answer.json["responses"]]


def metrics(server: Server) -> dict[str, float]:
    lines = server.request("GET", "/metrics").content.decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def children(server: Server) -> list[psutil.Process]:
    """Return gunicorn's workers when there are all of them: it starts them a moment apart."""
    master, until = psutil.Process(server.process.pid), time.monotonic() + 60
    while len(workers := master.children()) < usable_cpus() and time.monotonic() < until:
        time.sleep(0.05)
    return workers
