"""The archive of a global model beside those of customers, on both stacks and wherever models come from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, BundleWriter, unpack
from testbed.global_models import packed_global_model
from testbed.server import Answer, Server, serving, serving_plain
from tests.integration.gunicorn_endpoint import TARGET, ask, level
from tests.unit.models import model_text, packed_model

TIMES = np.datetime64("2025-03-01T00", "s") + np.arange(24 * 14) * np.timedelta64(1, "h")
HISTORY = {"ds": list(map(str, TIMES)), "y": (100 + 10 * np.sin(np.arange(TIMES.size) / 3.82)).tolist()}
UNWANTED = {"xgboost", "scipy", "pandas", "prophet", "sklearn"}


def write_folder(models: Path) -> None:
    """Write the folders of the global model and of a customer, as SageMaker extracts archives."""
    archive = unpack(packed_global_model())
    assert isinstance(archive.model, bytes)
    for name, file, content in (
        ("0c3f", "global_model.msgpack", archive.model),
        ("7aa1", "model.json", model_text(7.0).encode()),
    ):
        (models / name / "model").mkdir(parents=True)
        (models / name / "model" / file).write_bytes(content)
    (models / "0c3f" / "model" / "metadata.json").write_text('{"customer": "global_model"}')


def write_store(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{GLOBAL_NAME}.tar.gz").write_bytes(packed_global_model())
    (folder / "7.tar.gz").write_bytes(packed_model(7.0))
    return folder


@pytest.fixture(scope="module", params=["mms", "gunicorn"])
def multi_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    paths = Paths(tmp_path_factory.mktemp("global"))
    write_folder(paths.models)
    store = write_store(paths.base / "store")
    with serving(paths.base, SERVING_STACK=request.param, MODEL_STORE=str(store)) as server:
        for name in ("0c3f", "7aa1"):
            assert server.load(name, paths.models / name / "model").status == 200
        yield server


def message(answer: Answer) -> str:
    assert answer.status == 400, answer.content
    return str(answer.json["error"]["message"])


def first_time(answer: Answer) -> Any:
    assert answer.status == 200, answer.content
    return answer.json["predictions"][0]["ds"]


def test_the_archive_of_the_global_model_is_loaded_and_forecasts_a_history(multi_model: Server) -> None:
    answer = multi_model.invoke("0c3f", {"history": HISTORY, "period": 48, "quantiles": [0.1]})

    assert first_time(answer) == "2025-03-15T00:00:00"
    assert len(answer.json["predictions"]) == 48
    assert answer.json["target_model"] == GLOBAL_NAME


def test_a_history_and_a_model_that_do_not_belong_together_are_400_with_what_to_do(
    multi_model: Server,
) -> None:
    assert 'add "history"' in message(multi_model.invoke("0c3f", {}))
    assert "leave history out" in message(multi_model.invoke("7aa1", {"history": HISTORY}))


def test_a_model_store_serves_the_global_model_by_its_name(multi_model: Server) -> None:
    in_record = ask(multi_model, {"target_model": GLOBAL_NAME, "history": HISTORY})
    in_header = ask(multi_model, {"history": HISTORY}, **{TARGET: f"{GLOBAL_NAME}.tar.gz"})

    assert first_time(in_record) == first_time(in_header) == "2025-03-15T00:00:00"
    assert level(ask(multi_model, {"target_model": "7"}).json) == 7


def test_a_process_that_serves_the_global_model_loads_none_of_the_libraries_that_train_it(
    multi_model: Server,
) -> None:
    for _ in range(20):
        first_time(multi_model.invoke("0c3f", {"history": HISTORY}))
    processes = psutil.Process(multi_model.process.pid).children(recursive=True)
    python = [each for each in processes if each.name() != "java"]
    folders = {part for each in python for file in each.memory_maps() for part in Path(file.path).parts}

    assert "numpy" in folders
    assert folders & UNWANTED == set()


def test_a_bundle_serves_the_global_model_beside_its_customers(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    with BundleWriter(paths.model / "fleet-algo-1.sqlite") as bundle:
        bundle.add("7", packed_model(7.0))
        bundle.add(GLOBAL_NAME, packed_global_model())
        bundle.finish()

    with serving_plain(tmp_path) as server:
        forecast = ask(server, {"target_model": GLOBAL_NAME, "history": HISTORY})
        customer = ask(server, {"target_model": "7"})

    assert first_time(forecast) == "2025-03-15T00:00:00"
    assert level(customer.json) == 7


def test_an_endpoint_with_the_extracted_archive_alone_needs_no_name(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_folder(tmp_path / "models")
    (tmp_path / "models" / "0c3f" / "model").rename(paths.model)

    with serving_plain(tmp_path) as server:
        assert first_time(ask(server, {"history": HISTORY})) == "2025-03-15T00:00:00"


def test_a_damaged_global_model_is_refused(multi_model: Server) -> None:
    models = Path(multi_model.request("GET", "/models").json["models"][0]["modelUrl"]).parents[1]
    (models / "damaged").mkdir()
    (models / "damaged" / "global_model.msgpack").write_bytes(b"\x81\xa1x")

    assert multi_model.load("damaged", models / "damaged").status == 400
