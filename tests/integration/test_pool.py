"""The shared pool behind the real Multi Model Server: refusals, crashes, stores, archives' own code."""

import concurrent.futures
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from container import Paths
from fleetcast.archive import read_archive
from testbed.server import Answer, Server, serving


def pool(server: Server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [each for each in children if each.name() != "java"]


def eventually(claim: Callable[[], bool], *, within_seconds: float = 60) -> None:
    deadline = time.monotonic() + within_seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_models_share_the_processes_of_the_pool(server: Server, fleet: Paths) -> None:
    before = len(pool(server))

    for name in "abcdef":
        assert server.load(name, fleet.models / "1" / "model").status == 200

    assert len(pool(server)) == before
    assert {server.invoke(name, {"period": 2}).status for name in "abcdef"} == {200}
    for name in "abcdef":
        assert server.request("DELETE", f"/models/{name}").status == 200


def test_a_refused_model_can_be_loaded_once_it_is_corrected(server: Server, fleet: Paths) -> None:
    folder = fleet.models / "repaired" / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")

    refused = [server.load("repaired", folder).status for _ in range(3)]
    (folder / "model.json").write_bytes((fleet.models / "1" / "model" / "model.json").read_bytes())

    assert refused == [400, 400, 400]
    assert server.load("repaired", folder).status == 200
    assert server.invoke("repaired", {"period": 1}).status == 200


@pytest.mark.parametrize(
    "more", [{"handler": "os:getcwd"}, {"runtime": "python3"}, {"runtime": "python"}], ids=str
)
def test_a_client_cannot_choose_which_code_runs(server: Server, fleet: Paths, more: dict[str, str]) -> None:
    name = f"chosen-{next(iter(more.values()))}"
    url = str(fleet.models / "1" / "model")

    loaded = server.request("POST", "/models", json.dumps({"model_name": name, "url": url} | more).encode())

    assert loaded.status == 200
    assert len(server.invoke(name, {"period": 3}).json["predictions"]) == 3


def test_a_remote_url_is_refused_and_no_connection_is_made(server: Server) -> None:
    called: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        port = other.getsockname()[1]

        answer = server.load("remote", f"http://127.0.0.1:{port}/model.mar")

        with pytest.raises(TimeoutError):
            called.append(other.accept())
    assert 400 <= answer.status < 500
    assert called == []


def test_without_memory_a_model_is_answered_507_each_time(fleet: Paths) -> None:
    with serving(fleet.base, MODEL_MEMORY_RESERVE_IN_MB="999999999") as server:
        answers = [server.load("0", fleet.models / "0" / "model").status for _ in range(3)]

        assert answers == [507, 507, 507]
        assert server.request("GET", "/models").json["models"] == []


def test_a_killed_pool_comes_back_with_its_models(fleet: Paths) -> None:
    with serving(fleet.base) as server:
        for name in "01234":
            server.load(name, fleet.models / name / "model")
        before = {name: server.invoke(name, {"period": 2}).json for name in "01234"}

        for each in pool(server):
            each.kill()

        for name, forecast in before.items():
            eventually(lambda name=name: server.invoke(name, {"period": 2}).status == 200)
            assert server.invoke(name, {"period": 2}).json == forecast


def test_requests_in_progress_are_answered_after_sigterm(fleet: Paths) -> None:
    answers: list[int | str] = []
    with serving(fleet.base) as server:
        for name in "0123":
            server.load(name, fleet.models / name / "model")
        stopping = threading.Event()

        def ask(name: str) -> None:
            while not stopping.is_set():
                try:
                    answer = server.invoke(name, {"period": 300})
                except OSError as error:
                    answers.append(repr(error))
                    return
                answers.append(answer.status)
                if answer.status == 503:
                    return

        with concurrent.futures.ThreadPoolExecutor() as threads:
            asking = [threads.submit(ask, name) for name in "0123"]
            eventually(lambda: len(answers) > 40)
            server.process.send_signal(signal.SIGTERM)
            for each in asking:
                each.result(20)

    assert set(answers) == {200, 503}
    assert server.process.returncode == 0


@pytest.fixture
def store(fleet: Paths, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    for name in "01":
        (tmp_path / f"{name}.tar.gz").write_bytes((fleet.checkpoints / f"{name}.tar.gz").read_bytes())
    (tmp_path / "broken.tar.gz").write_bytes(b"not gzip")
    with serving(fleet.base, MODEL_STORE=str(tmp_path), MODEL_REVALIDATE_SECONDS="0") as server:
        yield server, tmp_path


def target(server: Server, name: str, body: object = None) -> Answer:
    content = json.dumps(body or {"period": 2}).encode()
    return server.request("POST", "/invocations", content, headers={"X-Amzn-SageMaker-Target-Model": name})


def test_models_of_a_store_are_loaded_on_first_use(store: tuple[Server, Path], fleet: Paths) -> None:
    server, folder = store

    by_header = target(server, "0.tar.gz").json["predictions"]
    by_field = server.request(
        "POST", "/invocations", json.dumps({"target_model": "0", "period": 2}).encode()
    ).json["predictions"]
    other = target(server, "1").json["predictions"]
    (folder / "0.tar.gz").unlink()
    gone = target(server, "0").status
    (folder / "0.tar.gz").write_bytes((fleet.checkpoints / "1.tar.gz").read_bytes())
    eventually(lambda: target(server, "0").status == 200)

    assert by_header == by_field
    assert by_header != other
    assert gone == 404
    assert target(server, "0").json["predictions"] == other


@pytest.mark.parametrize(
    ("name", "status"), [("nobody", 404), ("../0", 400), ("/etc/passwd", 400), ("a//b", 400), ("broken", 400)]
)
def test_a_name_that_the_store_does_not_have_is_refused(
    store: tuple[Server, Path], name: str, status: int
) -> None:
    assert target(store[0], name).status == status


OWN_CODE = """
import json
import os

def model_fn(model_dir):
    return 7

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model):
    if data == "fail":
        raise ValueError("secret")
    if data == "threads":
        return os.environ["OMP_NUM_THREADS"]
    return data * model

def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


@pytest.fixture
def own_code(fleet: Paths) -> Path:
    folder = fleet.models / "own" / "model"
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "inference.py").write_text(OWN_CODE)
    return folder


def test_an_archives_own_code_is_refused(server: Server, own_code: Path) -> None:
    assert server.load("own", own_code).status == 400


def test_an_archives_own_code_runs_where_the_operator_allows_it(fleet: Paths, own_code: Path) -> None:
    chosen = {"OMP_NUM_THREADS": "1", "OWN_CODE_THREADS": "5"}
    with serving(fleet.base, ALLOW_ARCHIVE_CODE="true", **chosen) as server:
        assert server.load("own", own_code).status == 200
        assert server.load("0", fleet.models / "0" / "model").status == 200

        answer = server.invoke("own", 6)
        failed = server.invoke("own", "fail")

        assert answer.json == 42
        assert server.invoke("own", "threads").json == "5"
        assert failed.status == 500
        assert b"secret" not in failed.content
        assert server.invoke("0", {"period": 1}).status == 200


def test_an_archive_of_stock_prophet_is_served_and_its_code_is_not_run(fleet: Paths, server: Server) -> None:
    folder = fleet.models / "theirs" / "model"
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "inference.py").write_text("raise SystemExit('run')")
    (folder / "model.json").write_text(read_archive(fleet.checkpoints / "0.tar.gz").model)

    assert server.load("theirs", folder).status == 200
    assert server.invoke("theirs", {"period": 1}).status == 200
