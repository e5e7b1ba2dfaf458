"""The main job inside containers: docker run IMAGE process, train, serve."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ContainerError

from examples import synthetic
from fleetcast.command import PROGRAMS
from tests.image.engine import IMAGE, LOCKED_DOWN, engine, run, serving, serving_many

PYTHON = "/opt/fleetcast/bin/python"


@pytest.fixture(scope="module")
def ml() -> Iterator[Path]:
    """Make the folder that is mounted at /opt/ml, open to every user, with readings of five customers."""
    with tempfile.TemporaryDirectory(prefix="fleetcast-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "processing" / "input").mkdir(parents=True)
        synthetic.write(folder / "processing" / "input" / "readings.csv.gz", customers=5, rows=300)
        yield folder


@pytest.fixture(scope="module")
def trained(ml: Path) -> Path:
    """Return the same folder after `process` and `train`, with two models laid out as SageMaker does it."""
    for program in ("process", "train"):
        run(program, volumes=[f"{ml}:/opt/ml"])
    for customer in "34":
        folder = ml / "models" / customer / "model"
        folder.mkdir(parents=True)
        archive = ml / "checkpoints" / f"{customer}.tar.gz"
        subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    return ml


def test_both_sagemaker_labels_are_there() -> None:
    labels = engine().images.get(IMAGE).labels

    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_the_entry_point_is_in_exec_form() -> None:
    assert engine().images.get(IMAGE).attrs["Config"]["Entrypoint"][-1] == "fleetcast"


def test_process_and_train_leave_an_archive_per_customer(trained: Path) -> None:
    assert sorted(path.name for path in (trained / "processing" / "output").iterdir()) == list("01234")
    assert len(list((trained / "checkpoints").iterdir())) == 5


@pytest.mark.parametrize("options", [{}, LOCKED_DOWN], ids=["as root", "locked down"])
def test_a_container_serves_and_ends_on_sigterm(trained: Path, options: dict[str, Any]) -> None:
    with serving_many(trained, **options) as (container, server):
        loaded = server.load("3", "/opt/ml/models/3/model")
        answer = server.invoke("3", {"period": 7})
        container.stop(timeout=25)
        ended = container.wait()

    assert loaded.status == answer.status == 200
    assert len(answer.json["predictions"]) == 7
    assert ended["StatusCode"] == 0


@pytest.mark.parametrize("options", [{}, LOCKED_DOWN], ids=["as root", "locked down"])
def test_the_output_of_training_is_served_as_a_plain_endpoint(trained: Path, options: dict[str, Any]) -> None:
    many = {"requests": [{"target_model": customer} for customer in "01234"]}
    with serving(trained, **options) as (container, server):
        answer = server.request("POST", "/invocations", json.dumps(many).encode())
        container.stop(timeout=25)
        ended = container.wait()

    assert answer.status == 200
    assert [len(each["predictions"]) for each in answer.json["responses"]] == [7] * 5
    assert ended["StatusCode"] == 0


NO_NETWORK = """
import json, time, urllib.request
body = json.dumps({"target_model": "3", "period": 2}).encode()
kind = {"Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8080/invocations", body, kind)
for _ in range(300):
    try:
        print(len(json.load(urllib.request.urlopen(request))["predictions"]))
        break
    except OSError:
        time.sleep(0.1)
"""


def test_an_endpoint_needs_no_network(trained: Path) -> None:
    options = {"volumes": [f"{trained}:/opt/ml"], "network_mode": "none", **LOCKED_DOWN}
    container = engine().containers.run(IMAGE, "serve", detach=True, **options)
    try:
        answered = container.exec_run([PYTHON, "-c", NO_NETWORK])
    finally:
        container.remove(force=True, v=True)

    assert answered.output.strip() == b"2"


@pytest.mark.parametrize("stack", ["mms", "gunicorn"])
def test_the_multi_model_contract_holds_locked_down(tmp_path: Path, stack: str) -> None:
    tmp_path.chmod(0o755)
    subprocess.run([sys.executable, "-m", "testbed.conformance_models", tmp_path / "models"], check=True)
    with serving_many(tmp_path, f"SERVING_STACK={stack}", **LOCKED_DOWN) as (_, server):
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "tests/conformance", "--endpoint", server.url),
                *("-k", "not a_load_that_is_not_json" if stack == "mms" else ""),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert finished.returncode == 0, finished.stdout


def test_a_container_without_memory_answers_507(trained: Path) -> None:
    with serving_many(trained, "MODEL_MEMORY_RESERVE_IN_MB=390", mem_limit="400m") as (_, server):
        answers = [server.load("3", "/opt/ml/models/3/model").status for _ in range(2)]

    assert answers == [507, 507]


def test_sagemaker_chooses_the_port(trained: Path) -> None:
    with serving_many(trained, "SAGEMAKER_BIND_TO_PORT=8080") as (_, server):
        assert server.load("4", "/opt/ml/models/4/model").status == 200


def test_bad_input_ends_a_container_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(ContainerError) as ended:
        run("train", volumes=[f"{tmp_path}:/opt/ml"])

    assert ended.value.exit_status == 1
    assert b"no channel" in ended.value.stderr
    assert b"Traceback" not in ended.value.stderr


def test_without_a_program_the_image_says_what_to_type() -> None:
    with pytest.raises(ContainerError) as ended:
        run()

    assert ended.value.exit_status == 2
    assert f"usage: fleetcast {'|'.join(PROGRAMS)}".encode() in ended.value.stderr


USES_EVERYTHING = """
import io
import boto3
import numpy as np
import pandas as pd
import prophet
import sagemaker_inference.decoder, sagemaker_inference.default_handler_service, sagemaker_inference.encoder
from scipy import sparse

packed = io.BytesIO()
sparse.save_npz(packed, sparse.csr_matrix(np.eye(3)))
assert sagemaker_inference.decoder.decode(packed.getvalue(), "application/x-npz").shape == (3, 3)
readings = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=60), "y": np.arange(60.0) % 7})
for arguments in ({}, {"mcmc_samples": 4}):
    model = prophet.Prophet(**arguments)
    model.add_country_holidays("DE")
    print(len(model.fit(readings).predict(model.make_future_dataframe(3))))
for service in ("s3", "sts", "sso"):
    boto3.client(service, region_name="eu-west-1")
"""


def test_everything_that_stays_in_the_image_works() -> None:
    printed = run("-c", USES_EVERYTHING, entrypoint=[PYTHON], read_only=True, tmpfs={"/tmp": ""})  # noqa: S108 -- the container's

    assert printed.count("63") >= 2


def test_no_secret_and_no_installer_is_left_in_the_image() -> None:
    assert "pip" not in run("/opt/fleetcast/bin", entrypoint=["ls"]).split()
