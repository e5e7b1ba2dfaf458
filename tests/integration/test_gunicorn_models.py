"""Where the models of a gunicorn endpoint come from: a file, a bundle, a store, or POST /models."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from container import Paths
from fleetcast.archive import Archive, BundleWriter, pack
from testbed.server import serving, serving_plain
from tests.integration.gunicorn_endpoint import (
    LEVELS,
    LINES,
    TARGET,
    ask,
    level,
    metrics,
    write_fleet,
)
from tests.unit.models import model_text, packed_model


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


def test_the_bundles_of_a_training_serve_10_000_customers_in_one_request(tmp_path: Path) -> None:
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

    forecasts = [json.loads(line) for line in answered]
    assert [each["target_model"] for each in forecasts] == [str(customer) for customer in order]
    assert [level(each) for each in forecasts] == [customer % 50 for customer in order]


def test_a_model_store_replaces_the_model_folder_and_is_revalidated(tmp_path: Path) -> None:
    store = tmp_path / "store"
    write_fleet(store)

    with serving_plain(tmp_path, MODEL_STORE=str(store), MODEL_REVALIDATE_SECONDS="0") as server:
        before = ask(server, {"target_model": "1"})
        (store / "new").write_bytes(packed_model(77.0))
        (store / "new").replace(store / "1.tar.gz")
        after = ask(server, {"target_model": "1"})

    assert (level(before.json), level(after.json)) == (1, 77)


def test_a_model_that_one_worker_loaded_is_served_by_all(tmp_path: Path) -> None:
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
            answers = list(threads.map(lambda _, n=number: server.invoke(str(n), {}), range(24)))
            assert {(each.status, level(each.json)) for each in answers} == {(200, number)}
            again = threads.map(lambda _, n=number: server.load(str(n), "/nowhere").status, range(8))
            assert set(again) == {409}
        server.request("DELETE", "/models/1")
        gone = {each.status for each in threads.map(lambda _: server.invoke("1", {}), range(24))}

    assert gone == {404}


def test_a_damaged_archive_is_refused_with_the_reason(tmp_path: Path) -> None:
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
