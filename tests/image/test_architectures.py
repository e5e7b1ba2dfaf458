"""The image for arm64 does what the one for amd64 does; one of the two runs emulated here."""

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import synthetic
from fleetcast.archive import Archive, pack
from fleetcast.forecasting import dumps
from fleetcast.forecasting.calendar import microseconds
from testbed.combined import combined_model
from testbed.preparation import fit_with
from tests.image.engine import engine, run, serving, serving_many

NAME = os.environ.get("FLEETCAST_IMAGE", f"fleetcast:{version('fleetcast')}")
BY_ARCHITECTURE: dict[str, dict[str, str]] = {
    architecture: {"image": f"{NAME}-{architecture}", "platform": f"linux/{architecture}"}
    for architecture in ("amd64", "arm64")
}
IMAGES = [options["image"] for options in BY_ARCHITECTURE.values()]
PYTHON = "/opt/fleetcast/bin/python"
INSIDE = Path(__file__).with_name("inside_an_image.py")
START_SECONDS = 300
"""Java starts slowly under emulation."""
KINDS: dict[str, dict[str, Any]] = {
    "linear": {},
    "multiplicative": {"seasonality_mode": "multiplicative"},
    "flat": {"growth": "flat"},
    "logistic": {"growth": "logistic", "cap": 90.0},
    "holidays": {"country_holidays": "DE"},
    "many": {"yearly_seasonality": True, "daily_seasonality": True},
}


@pytest.fixture(scope="module", autouse=True)
def both() -> None:
    for image in IMAGES:
        if not engine().images.list(image):
            pytest.skip(f"there is no {image}: ./build.sh --arch both")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the same script prints inside either image, with the same archives."""
    folder = tmp_path_factory.mktemp("archives")
    draw = np.random.default_rng(0)
    ds = np.datetime64("2024-01-01T06:30") + np.arange(300) * np.timedelta64(1, "D")
    for name, arguments in KINDS.items():
        y = 50 + 5 * np.sin(np.arange(300) * 2 * np.pi / 7) + np.arange(300) / 20 + draw.normal(0, 2, 300)
        packed = pack(Archive(dumps(fit_with(ds, y, **arguments)), {}))
        (folder / f"{name}.tar.gz").write_bytes(packed)
    model = combined_model(microseconds(ds), y, "D")
    (folder / "combined.tar.gz").write_bytes(pack(Archive(dumps(model), {})))
    volumes = [f"{folder}:/archives:ro", f"{INSIDE}:/inside.py:ro"]
    printed = {
        arch: run("-B", "/inside.py", entrypoint=PYTHON, volumes=volumes, **BY_ARCHITECTURE[arch])
        for arch in BY_ARCHITECTURE
    }
    return {arch: json.loads(text) for arch, text in printed.items()}


def test_the_same_archives_give_the_same_forecasts_to_the_last_digit(numbers: dict[str, Any]) -> None:
    amd64, arm64 = numbers["amd64"]["answers"], numbers["arm64"]["answers"]

    assert len(amd64) == 5 * (len(KINDS) + 1)
    assert [name for name in amd64 if amd64[name] != arm64[name]] == []


def test_fits_agree_on_the_objective(numbers: dict[str, Any]) -> None:
    amd64, arm64 = numbers["amd64"]["objectives"], numbers["arm64"]["objectives"]

    worst = max(abs(arm64[name] - amd64[name]) / abs(amd64[name]) for name in amd64)
    assert len(amd64) == 12
    assert worst < 1e-9


def test_the_methods_have_the_same_weights(numbers: dict[str, Any]) -> None:
    amd64, arm64 = numbers["amd64"]["weights"], numbers["arm64"]["weights"]

    assert len(amd64) == 12
    for series, weights in amd64.items():
        assert arm64[series] == pytest.approx(weights, abs=1e-6)


def test_doctor_finds_prophets_numbers_on_either_and_writes_nothing() -> None:
    for architecture, options in BY_ARCHITECTURE.items():
        printed = run("doctor", read_only=True, network_mode="none", **options)

        assert f" {architecture}" in printed
        assert "failed" not in printed


def test_train_and_serve_five_customers_on_arm64(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    readings = tmp_path / "processing" / "input" / "readings.csv.gz"
    readings.parent.mkdir(parents=True)
    synthetic.write(readings, customers=5, rows=200)
    arm64 = BY_ARCHITECTURE["arm64"]
    for program in ("process", "train"):
        run(program, volumes=[f"{tmp_path}:/opt/ml"], **arm64)
    archives = sorted((tmp_path / "checkpoints").iterdir())
    folder = tmp_path / "models" / "3" / "model"
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", tmp_path / "checkpoints" / "3.tar.gz", "-C", folder], check=True)

    with serving_many(tmp_path, seconds=START_SECONDS, **arm64) as (_, server):
        loaded = server.load("3", "/opt/ml/models/3/model").status
        behind_mms = server.invoke("3", {"period": 7})
    with serving(tmp_path, seconds=START_SECONDS, **arm64) as (_, server):
        behind_gunicorn = server.request("POST", "/invocations", b'{"target_model": "3", "period": 7}')

    assert len(archives) == 5
    assert loaded == behind_mms.status == behind_gunicorn.status == 200
    assert behind_mms.json["predictions"] == behind_gunicorn.json["predictions"]


def test_an_image_is_below_400_mb_and_listed() -> None:
    for image in IMAGES:
        size = engine().images.get(image).attrs["Size"]
        listed = json.loads((Path("build") / f"{image.replace(':', '-')}.cdx.json").read_text())

        assert size < 400e6
        names = {each["name"] for each in listed["components"]}
        assert {"numpy", "prophet", "netty-codec-http", "openjdk", "libc6"} <= names
