"""POST /invocations from a bundle and from S3, behind the real server."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from container import Paths
from fleetcast.archive import BundleWriter
from testbed.server import Answer, Server, serving
from tests.aws import arguments, moto

TARGET = "X-Amzn-SageMaker-Target-Model"


@pytest.fixture(scope="module")
def s3(fleet: Paths) -> Iterator[dict[str, str]]:
    """Yield the environment of an S3 that has the fleet's archives."""
    with moto() as environment:
        client = boto3.client("s3", **arguments(environment))
        client.create_bucket(Bucket="fleet")
        for path in fleet.checkpoints.iterdir():
            client.upload_file(str(path), "fleet", f"models/eu/{path.name}")
        yield environment
        client.close()


def ask(server: Server, body: object, *, name: str | None = None) -> Answer:
    headers = {} if name is None else {TARGET: name}
    return server.request("POST", "/invocations", json.dumps(body).encode(), headers=headers)


def values(answer: Answer) -> Any:
    return answer.json["predictions"]


def test_models_are_served_from_s3(s3: dict[str, str], fleet: Paths) -> None:
    with serving(fleet.base, MODEL_STORE="s3://fleet/models", **s3) as server:
        with ThreadPoolExecutor(16) as threads:
            responses = list(threads.map(lambda _: ask(server, {"period": 2}, name="eu/0.tar.gz"), range(32)))
        other = ask(server, {"period": 2, "target_model": "eu/1"})
        missing = ask(server, {"period": 2}, name="eu/nobody.tar.gz")
        outside = ask(server, {"period": 2}, name="../eu/0.tar.gz")

    assert {each.status for each in responses} == {200}
    assert all(values(each) == values(responses[0]) for each in responses)
    assert values(other) != values(responses[0])
    assert (missing.status, outside.status) == (404, 400)


def test_models_are_served_from_the_bundle_of_a_training(fleet: Paths, tmp_path: Path) -> None:
    bundle = tmp_path / "fleet-algo-1.sqlite"
    with BundleWriter(bundle) as writer:
        for path in fleet.checkpoints.iterdir():
            writer.add(path.name.removesuffix(".tar.gz"), path.read_bytes())
        writer.finish()

    with serving(fleet.base, MODEL_STORE=str(bundle)) as server:
        alone = [ask(server, {"period": 2}, name=name) for name in ("0", "1")]
        together = ask(
            server, {"requests": [{"period": 2, "target_model": name} for name in ("0", "1", "nobody")]}
        )

    assert [each.status for each in alone] == [200, 200]
    assert [each.get("predictions") for each in together.json["responses"]] == [
        *map(values, alone),
        None,
    ]


@pytest.fixture
def silence() -> Iterator[str]:
    """Yield the URL of a server that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_s3_that_does_not_answer_delays_no_other_model(
    s3: dict[str, str], silence: str, fleet: Paths
) -> None:
    environment = s3 | {"AWS_ENDPOINT_URL": silence}
    with (
        serving(fleet.base, MODEL_STORE="s3://fleet/models", **environment) as server,
        ThreadPoolExecutor(4) as threads,
    ):
        assert server.load("0", fleet.models / "0" / "model").status == 200
        waiting = [threads.submit(ask, server, {"period": 2}, name=f"eu/{each}") for each in range(4)]

        answers = [server.invoke("0", {"period": 2}).status for _ in range(100)]
        still_waiting = not any(each.done() for each in waiting)
        refused = {each.result(60).status for each in waiting}

    assert answers == [200] * 100
    assert still_waiting
    assert refused == {503}
