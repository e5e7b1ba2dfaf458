"""The main job inside containers: docker run IMAGE process, train, serve."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples import synthetic

IMAGE = os.environ.get("FLEETCAST_IMAGE", "fleetcast:latest")
START_SECONDS = 60
LOCKED_DOWN = ("--read-only", "--tmpfs=/tmp", "--user=1000", "--cap-drop=ALL")


def docker(*arguments: str, code: int = 0) -> str:
    finished = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


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
        docker("run", "--rm", f"--volume={ml}:/opt/ml", IMAGE, program)
    for customer in "34":
        folder = ml / "models" / customer / "model"
        folder.mkdir(parents=True)
        archive = ml / "checkpoints" / f"{customer}.tar.gz"
        subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    return ml


@contextmanager
def container(ml: Path, *options: str, **how: Any) -> Iterator[tuple[str, str]]:
    """Run `serve` for a multi-model endpoint; yield the container's id and its address once it answers."""
    with plain_container(ml, "--env=SAGEMAKER_MULTI_MODEL=true", *options, path="/models", **how) as running:
        yield running


@contextmanager
def plain_container(
    ml: Path, *options: str, path: str = "/ping", image: str = IMAGE, seconds: float = START_SECONDS
) -> Iterator[tuple[str, str]]:
    """Do the same for any other endpoint."""
    options = ("--detach", f"--volume={ml}:/opt/ml", *options)
    name = docker("run", "--publish=127.0.0.1::8080", *options, image, "serve").strip()
    try:
        url = f"http://{docker('port', name, '8080').split()[0]}"
        _wait(url + path, name, seconds)
        yield name, url
    finally:
        docker("rm", "--force", "--volumes", name)


def post(url: str, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _wait(url: str, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(docker("logs", name))


def test_both_sagemaker_labels_are_there() -> None:
    labels = json.loads(docker("inspect", "--format={{json .Config.Labels}}", IMAGE))

    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_the_entry_point_is_in_exec_form() -> None:
    assert json.loads(docker("inspect", "--format={{json .Config.Entrypoint}}", IMAGE))[-1] == "fleetcast"


def test_process_and_train_leave_an_archive_per_customer(trained: Path) -> None:
    assert sorted(path.name for path in (trained / "processing" / "output").iterdir()) == list("01234")
    assert len(list((trained / "checkpoints").iterdir())) == 5


@pytest.mark.parametrize("options", [(), LOCKED_DOWN], ids=["as root", "locked down"])
def test_a_container_serves_and_ends_on_sigterm(trained: Path, options: tuple[str, ...]) -> None:
    with container(trained, *options) as (name, url):
        loaded = post(f"{url}/models", {"model_name": "3", "url": "/opt/ml/models/3/model"})
        status, answer = post(f"{url}/models/3/invoke", {"period": 7})
        docker("stop", "--time=25", name)
        exit_code = docker("inspect", "--format={{.State.ExitCode}}", name).strip()

    assert loaded[0] == 200
    assert status == 200
    assert len(answer["predictions"]) == 7
    assert exit_code == "0"


@pytest.mark.parametrize("options", [(), LOCKED_DOWN], ids=["as root", "locked down"])
def test_what_training_left_is_a_plain_endpoint(trained: Path, options: tuple[str, ...]) -> None:
    with plain_container(trained, *options) as (name, url):
        asked = {"requests": [{"target_model": customer} for customer in "01234"]}
        status, answer = post(f"{url}/invocations", asked)
        docker("stop", "--time=25", name)
        exit_code = docker("inspect", "--format={{.State.ExitCode}}", name).strip()

    assert status == 200
    assert [len(each["predictions"]) for each in answer["responses"]] == [7] * 5
    assert exit_code == "0"


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
    options = (*LOCKED_DOWN, "--network=none", f"--volume={trained}:/opt/ml", "--detach")
    name = docker("run", *options, IMAGE, "serve").strip()
    try:
        told = docker("exec", name, "/opt/fleetcast/bin/python", "-c", NO_NETWORK)
    finally:
        docker("rm", "--force", "--volumes", name)

    assert told.strip() == "2"


@pytest.mark.parametrize("stack", ["mms", "gunicorn"])
def test_the_multi_model_contract_holds_locked_down(tmp_path: Path, stack: str) -> None:
    tmp_path.chmod(0o755)
    subprocess.run([sys.executable, "-m", "testbed.conformance_models", tmp_path / "models"], check=True)
    with container(tmp_path, *LOCKED_DOWN, f"--env=SERVING_STACK={stack}") as (_, url):
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "tests/conformance", "--endpoint", url),
                *("-k", "not a_load_that_is_not_json" if stack == "mms" else ""),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert finished.returncode == 0, finished.stdout


def test_a_container_without_memory_answers_507(trained: Path) -> None:
    limits = ("--memory=400m", "--env=MODEL_MEMORY_RESERVE_IN_MB=390")
    with container(trained, *limits) as (_, url):
        answers = [
            post(f"{url}/models", {"model_name": "3", "url": "/opt/ml/models/3/model"})[0] for _ in range(2)
        ]

    assert answers == [507, 507]


def test_sagemaker_chooses_the_port(trained: Path) -> None:
    with container(trained, "--env=SAGEMAKER_BIND_TO_PORT=8080") as (_, url):
        assert post(f"{url}/models", {"model_name": "4", "url": "/opt/ml/models/4/model"})[0] == 200


def test_bad_input_ends_a_container_with_one_line(tmp_path: Path) -> None:
    told = docker("run", "--rm", f"--volume={tmp_path}:/opt/ml", IMAGE, "train", code=1)

    assert "no channel" in told
    assert "Traceback" not in told


def test_without_a_program_the_image_says_what_to_type() -> None:
    assert "usage: docker run IMAGE process|train|serve" in docker("run", "--rm", IMAGE, code=2)


NOT_MISSED = """
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


def test_what_was_taken_out_of_the_image_is_not_missed() -> None:
    options = ("--rm", "--read-only", "--tmpfs=/tmp", "--entrypoint=/opt/fleetcast/bin/python")
    told = docker("run", *options, IMAGE, "-c", NOT_MISSED)

    assert told.count("63") >= 2


def test_no_secret_and_no_installer_is_left_in_the_image() -> None:
    listed = docker("run", "--rm", "--entrypoint=ls", IMAGE, "/opt/fleetcast/bin")

    assert "pip" not in listed.split()
