"""The plain endpoint: real gunicorn, and everything that is asked of it over HTTP."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest

from container import Paths
from fleetcast.archive import Archive, BundleWriter, pack
from serving.errors import RequestError
from serving.models import check_model_name
from testbed.server import Answer, Server, installed, serving, serving_plain
from tests.unit.models import model_text, packed_model

TARGET = "X-Amzn-SageMaker-Target-Model"
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LEVELS = range(1, 11)
LINES = "application/jsonlines"


def write_fleet(folder: Path) -> None:
    """Write the archives 1 to 10, each of a model that forecasts its own number."""
    folder.mkdir(parents=True)
    for level in LEVELS:
        (folder / f"{level}.tar.gz").write_bytes(packed_model(float(level)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    paths = Paths(tmp_path_factory.mktemp("plain"))
    write_fleet(paths.model)
    with serving_plain(paths.base, METRICS_CUSTOMERS="3") as server:
        yield server


def ask(server: Server, body: object, *, kind: str = "application/json", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", "/invocations", content, content_type=kind, headers=named)


def level(forecast: Any) -> int:
    return round(forecast["predictions"][0]["yhat"])


def levels(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.content
    return [level(forecast) for forecast in answer.json["responses"]]


def test_an_archive_in_the_model_folder_answers(plain: Server) -> None:
    assert level(ask(plain, {"target_model": "7", "period": 2}).json) == 7
    assert level(ask(plain, {"target_model": "7.tar.gz"}).json) == 7


def test_the_target_may_stand_in_a_header_or_among_the_custom_attributes(plain: Server) -> None:
    header = plain.request("POST", "/invocations", b"{}", headers={TARGET: "3.tar.gz"})
    attribute = plain.request(
        "POST", "/invocations", b"{}", headers={ATTRIBUTES: "trace=1; target_model=4.tar.gz"}
    )
    both = plain.request("POST", "/invocations", b'{"target_model": "5"}', headers={TARGET: "3"})

    assert [level(each.json) for each in (header, attribute, both)] == [3, 4, 5]


def test_each_record_of_a_batch_answers_for_itself_in_order(plain: Server) -> None:
    records = [
        {"target_model": "2"},
        {"target_model": "nobody"},
        {"target_model": "9", "period": -1},
        {"target_model": "9", "freq": "h"},
        "no record",
        {"period": 3},
        {"target_model": "1", "period": 7},
    ]

    responses = ask(plain, {"requests": records}).json["responses"]

    found = [level(each) if "predictions" in each else each["error"]["code"] for each in responses]
    assert found == [2, "NOT_FOUND", "BAD_REQUEST", 9, "BAD_REQUEST", "BAD_REQUEST", 1]


def test_json_lines_and_csv_go_in_and_out(plain: Server) -> None:
    lines = b'{"target_model": "2", "period": 1}\n{"target_model": "3", "period": 1}\n'
    csv = b"target_model,period\n2,1\n3,1\n"

    from_lines = ask(plain, lines, kind=LINES).content.splitlines()
    from_csv = ask(plain, csv, kind="text/csv").content.decode().splitlines()
    as_json = ask(plain, csv, kind="text/csv", Accept="application/json")

    assert [level(json.loads(line)) for line in from_lines] == [2, 3]
    assert from_csv[0] == "target_model,ds,yhat_lower,yhat_upper,yhat"
    assert [row.split(",")[0] for row in from_csv[1:]] == ["2", "3"]
    assert levels(as_json) == [2, 3]


@pytest.mark.parametrize(
    ("status", "body", "kind", "accept"),
    [
        (400, b"{", "application/json", "*/*"),
        (400, b"{}", "application/json", "*/*"),
        (400, b"", LINES, "*/*"),
        (404, b'{"target_model": "nobody"}', "application/json", "*/*"),
        (400, b'{"target_model": "../1"}', "application/json", "*/*"),
        (406, b'{"target_model": "1"}', "application/json", "image/png"),
        (413, b" " * 7_000_000, "application/json", "*/*"),
        (415, b"a=b", "application/x-www-form-urlencoded", "*/*"),
    ],
)
def test_a_refusal_is_json_that_says_why(
    plain: Server, status: int, body: bytes, kind: str, accept: str
) -> None:
    answer = ask(plain, body, kind=kind, Accept=accept)

    assert answer.status == status
    assert answer.json["error"]["code"] == HTTPStatus(status).name
    assert not re.search(r"Traceback|\.py|/opt|/tmp|werkzeug", answer.content.decode())


def test_an_unknown_route_and_method_are_refused_in_json(plain: Server) -> None:
    unknown, method = plain.request("GET", "/nothing"), plain.request("GET", "/invocations")

    assert (unknown.status, method.status) == (404, 405)
    assert unknown.json["error"]["code"] == "NOT_FOUND"


def test_ping_has_no_body_and_the_root_says_what_this_is(plain: Server) -> None:
    assert plain.request("GET", "/ping") == Answer(200, b"")
    assert len(plain.request("GET", "/").content.splitlines()) == 1


def test_batch_transform_is_told_how_to_ask(plain: Server) -> None:
    assert plain.request("GET", "/execution-parameters").json == {
        "MaxConcurrentTransforms": psutil.cpu_count() and len(os.sched_getaffinity(0)),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 1,
    }


def test_metrics_are_summed_over_the_workers_and_customers_are_capped(plain: Server) -> None:
    before = metrics(plain)
    for number in range(40):
        ask(plain, {"requests": [{"target_model": str(number % 8 + 1)}, {"target_model": "nobody"}]})
    after = metrics(plain)

    route = 'fleetcast_requests_total{route="/invocations",status="200"}'
    assert after[route] - before.get(route, 0) == 40
    assert after["fleetcast_forecasts_total"] - before["fleetcast_forecasts_total"] == 40
    assert after["fleetcast_record_errors_total"] - before["fleetcast_record_errors_total"] == 40
    workers = len(children(plain))
    series = [name for name in after if name.startswith("fleetcast_customer_forecasts_total")]
    assert 2 <= len(series) <= 3 * workers + 1


def metrics(server: Server) -> dict[str, float]:
    lines = server.request("GET", "/metrics").content.decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def children(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def test_a_worker_that_is_killed_is_replaced_and_what_it_counted_stays(plain: Server) -> None:
    ask(plain, {"target_model": "1"})
    before, workers, folder = metrics(plain), len(children(plain)), shared_folder(plain)

    for _ in range(3):
        for worker in children(plain):
            worker.kill()
            wait_for(lambda: level_or_none(plain, 2) == 2)
    wait_for(lambda: len(children(plain)) == workers)

    assert metrics(plain)["fleetcast_forecasts_total"] > before["fleetcast_forecasts_total"]
    assert len(list(folder.glob("counter_*.db"))) <= workers


def shared_folder(server: Server) -> Path:
    (opened,) = {
        Path(file.path).parent
        for worker in children(server)
        for file in worker.open_files()
        if file.path.endswith(".db")
    }
    return opened


def level_or_none(server: Server, wanted: int) -> int | None:
    try:
        return level(ask(server, {"target_model": str(wanted)}).json)
    except OSError:
        return None


def wait_for(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_model_json_needs_no_name(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    (paths.model / "model.json").write_text(model_text(8.0))
    (paths.model / "metadata.json").write_text('{"customer": "eight"}')

    with serving_plain(tmp_path) as server:
        unnamed, named = ask(server, {}), ask(server, {"target_model": "eight.tar.gz"})
        other = ask(server, {"target_model": "nine"})
        many = ask(server, b"{}\n{}\n", kind=LINES)

    assert level(unnamed.json) == level(named.json) == 8
    assert other.status == 404
    assert len(many.content.splitlines()) == 2


def test_a_model_json_that_cannot_be_used_ends_serve_with_the_reason(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    (paths.model / "model.json").write_text("{}")

    with pytest.raises(AssertionError, match="ended with 1"), serving_plain(tmp_path):
        pass


def test_the_bundles_that_training_left_are_served_10_000_customers_in_one_go(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    for half in (0, 1):
        with BundleWriter(paths.model / f"fleet-algo-{half + 1}.sqlite") as bundle:
            for customer in range(half, 10_000, 2):
                bundle.add(str(customer), packed_model(float(customer % 50)))
            bundle.finish()
    order = [(7919 * place) % 10_000 for place in range(10_000)]
    lines = "".join(f'{{"target_model": "{customer}", "period": 1}}\n' for customer in order)

    with serving_plain(tmp_path) as server:
        answered = ask(server, lines.encode(), kind=LINES).content.splitlines()

    found = [json.loads(line) for line in answered]
    assert [each["target_model"] for each in found] == [str(customer) for customer in order]
    assert [level(each) for each in found] == [customer % 50 for customer in order]


def test_a_model_store_stands_in_for_the_model_folder_and_is_asked_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_fleet(store)

    with serving_plain(tmp_path, MODEL_STORE=str(store), MODEL_REVALIDATE_SECONDS="0") as server:
        before = ask(server, {"target_model": "1"})
        (store / "new").write_bytes(packed_model(77.0))
        (store / "new").replace(store / "1.tar.gz")
        after = ask(server, {"target_model": "1"})

    assert (level(before.json), level(after.json)) == (1, 77)


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_with_0_and_leaves_nothing_behind(tmp_path: Path, signalled: signal.Signals) -> None:
    paths, scratch = Paths(tmp_path / "ml"), tmp_path / "scratch"
    write_fleet(paths.model)
    scratch.mkdir()

    with serving_plain(paths.base, TMPDIR=str(scratch)) as server:
        ask(server, {"target_model": "1"})
        server.process.send_signal(signalled)
        server.process.wait(30)

    assert server.process.returncode == 0
    assert list(scratch.iterdir()) == []


def test_a_load_through_one_worker_is_known_to_all(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for number in LEVELS:
        folder = paths.models / str(number) / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(model_text(float(number)))

    with (
        serving(tmp_path, SERVING_STACK="gunicorn", SAGEMAKER_MODEL_SERVER_WORKERS="4") as server,
        ThreadPoolExecutor(8) as threads,
    ):
        for number in LEVELS:
            assert server.load(str(number), paths.models / str(number) / "model").status == 200
            # a folder that is gone or replaced changes nothing for a model that is loaded
            (paths.models / str(number) / "model" / "model.json").unlink()
            asked = list(threads.map(lambda _, n=number: server.invoke(str(n), {}), range(24)))
            assert {(each.status, level(each.json)) for each in asked} == {(200, number)}
            again = threads.map(lambda _, n=number: server.load(str(n), "/nowhere").status, range(8))
            assert set(again) == {409}
        server.request("DELETE", "/models/1")
        gone = {each.status for each in threads.map(lambda _: server.invoke("1", {}), range(24))}

    assert gone == {404}


def test_both_stacks_give_identical_answers(fleet: Paths) -> None:
    bodies = [
        b"{}",
        b'{"period": 30, "interval_width": 0.95}',
        b'{"period": 3, "freq": "h", "quantiles": [0.1, 0.5]}',
        b'{"period": 2, "components": true}',
        b'{"requests": [{"period": 3}, {"period": 0}, {"period": 4}, {"period": 3}]}',
        b'{"period": 0}',
        b"{",
    ]

    def answers(stack: str) -> list[tuple[int, bytes]]:
        with serving(fleet.base, SERVING_STACK=stack) as server:
            for name in "01":
                assert server.load(name, fleet.models / name / "model").status == 200
            asked = [server.invoke(name, body) for name in "01" for body in bodies]
            asked += [
                server.request("POST", f"/models/{name}/invoke", b"{}", headers={"Accept": kind})
                for name in "01"
                for kind in ("text/csv", LINES, "image/png")
            ]
            return [(answer.status, answer.content) for answer in asked]

    assert answers("gunicorn") == answers("mms")


def test_every_route_is_in_the_openapi_document(plain: Server, fleet: Paths) -> None:
    document = plain.request("GET", "/openapi.json").json
    with serving(fleet.base, SERVING_STACK="gunicorn") as server:
        multi = server.request("GET", "/openapi.json").json

    common = {"/", "/ping", "/execution-parameters", "/metrics", "/invocations", "/openapi.json"}
    assert set(document["paths"]) == common
    assert set(multi["paths"]) == common | {"/models", "/models/{name}", "/models/{name}/invoke"}
    period = document["components"]["schemas"]["Request"]["properties"]["period"]
    assert (period["minimum"], period["maximum"], period["default"]) == (1, 10_000, 7)


def test_a_request_has_an_id_and_one_line_in_the_log_without_its_payload(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    write_fleet(paths.model)

    with serving_plain(tmp_path) as server:
        ask(server, {"target_model": "1", "interval_width": 0.123456}, X_Request_Id="mine-1")
        ask(server, {"period": -5}, X_Request_Id="not printable \t")
        server.request("GET", "/ping")
    out = capfd.readouterr().out

    first, second = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert (first["request_id"], first["status"], first["forecasts"]) == ("mine-1", 200, 1)
    assert second["status"] == 400
    assert re.fullmatch("[0-9a-f]{32}", second["request_id"])
    assert "0.123456" not in out


def test_archives_of_other_makers_are_served_as_behind_mms(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    (paths.model / "broken.tar.gz").write_bytes(pack(Archive("{}", {})))
    (paths.model / "cut.tar.gz").write_bytes(packed_model(1.0)[:-9])

    with serving_plain(tmp_path) as server:
        answers = [ask(server, {"target_model": name}) for name in ("broken", "cut")]

    assert [answer.status for answer in answers] == [400, 400]
    assert "cut short" in answers[1].json["error"]["message"]


def test_on_a_multi_model_endpoint_answer_log_and_metrics_name_the_customer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    for key, metadata in (("4f0c", "{}"), ("77aa", '{"customer": "eight"}')):
        folder = paths.models / key / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(model_text(8.0))
        (folder / "metadata.json").write_text(metadata)

    with serving(tmp_path, SERVING_STACK="gunicorn", METRICS_CUSTOMERS="9") as server:
        for key in ("4f0c", "77aa"):
            server.load(key, paths.models / key / "model")
        named = server.request(
            "POST", "/models/4f0c/invoke", b'{"target_model": "seven"}', headers={TARGET: "seven.tar.gz"}
        )
        unnamed, key = server.invoke("77aa", {}), server.invoke("4f0c", {})
        other = server.request("POST", "/models/4f0c/invoke", b'{"period": 0}', headers={TARGET: "77aa"})
        series = [name for name in metrics(server) if "customer_forecasts_total" in name]
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "/invoke" in line]

    assert [each.json["target_model"] for each in (named, unnamed, key)] == ["seven", "eight", "4f0c"]
    assert (other.status, other.json["target_model"]) == (400, "77aa")
    assert [line["target_model"] for line in lines] == ["seven", "eight", "4f0c", "77aa"]
    assert {re.findall('"(.*)"', name)[0] for name in series} == {"seven", "eight", "4f0c"}


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".", "/", "a\nb", "\u001b", "\u0000", "", "x" * 1_025, "\u2028"]
)
def test_a_name_that_no_route_could_reach_is_refused_at_load(name: str) -> None:
    with pytest.raises(RequestError, match="model_name must be"):
        check_model_name(name)


@pytest.mark.parametrize("name", ["7", "a b", "ü.tar.gz", "...", "4f0c" * 16, "%2F", "a=b;"])
def test_any_other_name_is_a_key(name: str) -> None:
    check_model_name(name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of its own of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "fill"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return path


def test_with_a_full_disk_models_in_memory_go_on_and_the_log_names_it(
    tmp_path: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path / "ml")
    for number in LEVELS:
        folder = paths.models / str(number) / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(model_text(float(number)))

    with serving(paths.base, SERVING_STACK="gunicorn", TMPDIR=str(small_disk)) as server:
        server.load("1", paths.models / "1" / "model")
        workers = {worker.pid for worker in children(server)}  # the last of them may be on its way
        filled = fill(small_disk)
        answers = [server.invoke("1", {"period": period}).status for period in range(1, 40)]
        routes = [server.request("GET", path).status for path in ("/models", "/metrics", "/nothing")]
        loads = {server.load(str(number), paths.models / str(number) / "model").status for number in LEVELS}
        filled.unlink()
        again = server.load("3", paths.models / "3" / "model").status
        same = workers <= {worker.pid for worker in children(server)}
    err = capfd.readouterr().err

    assert set(answers) == {200}
    assert routes == [200, 200, 404]
    assert loads <= {200, 409, 503}
    assert 503 in loads
    assert again in {200, 409}
    assert same
    assert f"the list of models in {small_disk}" in err


def test_a_disk_without_room_for_metrics_ends_serve_with_the_reason(tmp_path: Path, small_disk: Path) -> None:
    write_fleet(Paths(tmp_path).model)
    fill(small_disk)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path), "TMPDIR": str(small_disk)}

    ended = subprocess.run(
        installed("serve"), env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 1
    assert "no room" in ended.stderr


def worker_megabytes(server: Server) -> float:
    peaks = [
        next(line for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if "VmHWM" in line)
        for worker in children(server)
    ]
    return max(int(peak.split()[1]) for peak in peaks) / 1024


def test_many_large_requests_at_once_take_the_memory_of_one(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_fleet(paths.model)
    body = {"requests": [{"target_model": "1", "period": 10_000}] * 99}

    with (
        serving_plain(tmp_path, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server,
        ThreadPoolExecutor(8) as threads,
    ):
        ask(server, {"target_model": "1"})
        before = worker_megabytes(server)
        asked = [threads.submit(ask, server, body) for _ in range(6)]
        small = [ask(server, {"target_model": "1"}).status for _ in range(20)]
        statuses = [each.result().status for each in asked]
        grown = worker_megabytes(server) - before

    assert set(small) == {200}
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert grown < 500
