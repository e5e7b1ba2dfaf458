"""`pytest tests/conformance --endpoint http://host:port --model-dir /opt/ml/models` tests any container.

--model-dir is the folder that `python -m testbed.conformance_models DIR` has written, by its path in the
container.  Without --endpoint the suite starts `serve`, on both stacks.  All requests go over HTTP.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed import conformance_models
from testbed.server import Answer, Server, serving, without_process

RESULTS: dict[str, dict[str, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endpoint", help="the server to test; default: start `serve`")
    parser.addoption("--model-dir", default="/opt/ml/models", help="where that server sees the models")
    parser.addoption("--results", type=Path, help="write a JSON of outcomes to this file")


@dataclass(frozen=True)
class Endpoint:
    server: Server
    folder: str
    """The folder of the models, as the server sees it."""

    def load(self, name: str, folder: str | None = None) -> Answer:
        return self.server.load(name, f"{self.folder}/{folder or name}/model")

    def unload(self, name: str) -> Answer:
        return self.server.request("DELETE", f"/models/{name}")

    def invoke(self, name: str, body: object) -> Answer:
        return self.server.invoke(name, body)

    def listed(self) -> list[str]:
        models_listed: list[dict[str, Any]] = self.server.request("GET", "/models").json["models"]
        return [each["modelName"] for each in models_listed]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "endpoint" in metafunc.fixturenames:
        endpoints = ["external"] if metafunc.config.getoption("--endpoint", None) else ["mms", "gunicorn"]
        metafunc.parametrize("endpoint", endpoints, indirect=True, scope="session")


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    if url := request.config.getoption("--endpoint", None):
        yield Endpoint(without_process(url), request.config.getoption("--model-dir"))
        return
    base = tmp_path_factory.mktemp("conformance")
    subprocess.run([sys.executable, "-m", conformance_models.__name__, str(base / "models")], check=True)
    with serving(base, SERVING_STACK=request.param) as server:
        yield Endpoint(server, str(base / "models"))


@pytest.fixture
def loaded(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Return an endpoint with the models one and two, and unload whatever is there afterwards."""
    for name in ("one", "two"):
        assert endpoint.load(name).status in {200, 409}
    yield endpoint
    for name in endpoint.listed():
        endpoint.unload(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call" or report.failed:
        title = (
            item.name.removeprefix("test_")
            .replace("_", " ")
            .replace("[external-", "[")
            .replace("[external]", "")
        )
        RESULTS[item.nodeid] = {"title": title, "outcome": report.outcome}
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if path := session.config.getoption("--results", None):
        path.write_text(json.dumps(list(RESULTS.values()), indent=1) + "\n")
