"""The main job with the real programs: raw readings in, forecasts out of Multi Model Server."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from container import Paths
from testbed.server import Server, installed, run, serving


def test_every_customer_has_an_archive_and_a_line_in_the_ledger(fleet: Paths) -> None:
    ledger = [json.loads(line) for line in (fleet.output_data / "train.jsonl").read_text().splitlines()]

    assert sorted(path.name for path in fleet.checkpoints.iterdir()) == [f"{n}.tar.gz" for n in range(5)]
    assert [row["status"] for row in ledger] == ["ok"] * 5


def test_a_loaded_model_forecasts_the_days_after_its_last_reading(server: Server, fleet: Paths) -> None:
    answer = server.invoke("0", {"period": 7})

    rows = answer.json["predictions"]
    last = (fleet.processing_output / "0" / "data.csv").read_text().splitlines()[-1].split(",")[0]
    assert answer.status == 200
    assert [row["ds"] for row in rows] == sorted(row["ds"] for row in rows)
    assert rows[0]["ds"] > last.replace(" ", "T")
    assert all(row["yhat_lower"] < row["yhat"] < row["yhat_upper"] for row in rows)
    assert len(rows) == 7


def test_each_model_answers_for_its_own_customer(server: Server, fleet: Paths) -> None:
    assert server.load("1", fleet.models / "1" / "model").status == 200

    one, other = (server.invoke(name, {"period": 1}).json for name in "01")

    assert (one["target_model"], other["target_model"]) == ("0", "1")
    assert one["predictions"] != other["predictions"]


def test_models_are_listed_described_and_unloaded(server: Server, fleet: Paths) -> None:
    server.load("2", fleet.models / "2" / "model")

    listed = [model["modelName"] for model in server.request("GET", "/models").json["models"]]
    described = server.request("GET", "/models/2").json["modelUrl"]
    unloaded = server.request("DELETE", "/models/2").status

    assert "2" in listed
    assert described == str(fleet.models / "2" / "model")
    assert unloaded == 200
    assert server.invoke("2", {"period": 1}).status == 404


def test_a_model_that_is_loaded_already_is_a_conflict(server: Server, fleet: Paths) -> None:
    assert server.load("0", fleet.models / "0" / "model").status == 409


def test_ping_answers(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"period": -1}', "period must be a whole number from 1 to 10000"),
        (b'{"period": 1e400}', "period must be a whole number from 1 to 10000"),
        (b"period=7", "not JSON"),
        (b'{"perod": 7}', "perod"),
        (b'{"period": 7, "freq": "fortnight"}', "freq"),
    ],
)
def test_a_bad_request_is_told_what_is_accepted(server: Server, body: bytes, message: str) -> None:
    answer = server.invoke("0", body)

    assert answer.status == 400
    assert message in answer.json["error"]["message"]
    assert b"Traceback" not in answer.content


def test_a_form_is_not_a_request(server: Server) -> None:
    answer = server.request(
        "POST", "/models/0/invoke", b"period=7", content_type="application/x-www-form-urlencoded"
    )

    assert answer.status == 415
    assert "Content-Type must be one of application/json" in answer.json["error"]["message"]


def test_a_bad_request_leaves_the_model_usable(server: Server) -> None:
    server.invoke("0", b"{")

    assert server.invoke("0", {"period": 1}).status == 200


def test_an_unknown_model_is_not_found(server: Server, fleet: Paths) -> None:
    assert server.invoke("nobody", {"period": 7}).status == 404
    assert server.load("nobody", fleet.models / "nobody" / "model").status == 404


def test_a_folder_without_a_usable_model_is_not_loaded(server: Server, fleet: Paths) -> None:
    broken = fleet.models / "broken" / "model"
    broken.mkdir(parents=True, exist_ok=True)
    (broken / "model.json").write_text('{"growth": ')

    answer = server.load("broken", broken)

    assert answer.status == 400
    assert server.invoke("broken", {"period": 1}).status == 404


def test_a_model_outside_the_model_store_is_not_loaded(server: Server, elsewhere: Path) -> None:
    assert server.load("elsewhere", elsewhere).status == 400
    assert server.invoke("elsewhere", {"period": 1}).status == 404


def test_sigterm_ends_the_server_and_everything_it_started(fleet: Paths) -> None:
    with serving(fleet.base) as server:
        server.load("3", fleet.models / "3" / "model")
        started = psutil.Process(server.process.pid).children(recursive=True)

    assert server.process.returncode == 0
    assert len(started) >= 2, "Java and a worker"
    assert psutil.wait_procs(started, timeout=60)[1] == []


def test_a_bad_setting_ends_serve_with_one_line(fleet: Paths) -> None:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(fleet.base), "SAGEMAKER_MULTI_MODEL": "true"}
    environment |= {"SAGEMAKER_BIND_TO_PORT": "http"}

    finished = subprocess.run(
        installed("serve"), env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 1
    assert "SAGEMAKER_BIND_TO_PORT must be a whole number from 1 to 32766, not 'http'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_missing_columns_end_process_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "processing" / "input").mkdir(parents=True)
    (tmp_path / "processing" / "input" / "raw.csv").write_text("a,b\n1,2\n")

    finished = run("process", base=tmp_path)

    assert finished.returncode == 1
    assert "'raw.csv' has no column 'customer_id'" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_failed_job_leaves_its_reason_where_sagemaker_looks(tmp_path: Path) -> None:
    finished = run("train", base=tmp_path)

    assert finished.returncode == 1
    assert "no channel" in finished.stderr
    assert "no channel" in Paths(tmp_path).failure.read_text()


def test_an_empty_channel_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "input" / "data" / "train").mkdir(parents=True)

    finished = run("train", base=tmp_path)

    assert finished.returncode == 0
    assert not Paths(tmp_path).failure.exists()


@pytest.mark.parametrize("program", ["process", "train", "serve"])
def test_help_says_what_goes_in_and_what_comes_out(program: str, tmp_path: Path) -> None:
    finished = run(program, "--help", base=tmp_path)

    assert finished.returncode == 0
    assert "SAGEMAKER_BASE_DIR" in finished.stdout


def test_train_that_cannot_write_its_failure_down_says_so_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    finished = run("train", base=tmp_path / "file" / "ml")

    assert finished.returncode == 1
    assert "the reason of the failure could not be written" in finished.stderr
    assert "Traceback" not in finished.stderr
