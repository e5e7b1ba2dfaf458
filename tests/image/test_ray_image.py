"""The image with Ray and XGBoost: the default image and one layer more, in which a cluster works."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.image.engine import IMAGE, LOCKED_DOWN, engine, run

NAME, _, TAG = IMAGE.rpartition(":")
RAY_IMAGE = os.environ.get("FLEETCAST_RAY_IMAGE", f"{NAME}:{TAG}-ray")
PYTHON = "/opt/fleetcast/bin/python"
INSIDE = Path(__file__).with_name("inside_a_ray_image.py")
BY_ARCHITECTURE = {
    architecture: f"{NAME}:{version('fleetcast') if TAG == 'latest' else TAG}-ray-{architecture}"
    for architecture in ("amd64", "arm64")
}
# 256 bits, as Ray's own command makes them
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
TRAINS = """
import numpy as np, ray, xgboost
features = np.random.default_rng(0).normal(size=(300, 4))
data = xgboost.DMatrix(features, features[:, 0])
settings = {"max_depth": 3, "nthread": 1, "seed": 1}
print(*xgboost.train(settings, data, 5).predict(data))
"""


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not engine().images.list(RAY_IMAGE):
        pytest.skip(f"there is no {RAY_IMAGE}: ./build.sh --variant both")


def test_it_is_the_default_image_and_one_layer_more() -> None:
    default, ray = (engine().images.get(name).attrs for name in (IMAGE, RAY_IMAGE))

    assert ray["RootFS"]["Layers"][:-1] == default["RootFS"]["Layers"]
    for key in ("Entrypoint", "Env", "ExposedPorts", "Labels", "User"):
        assert ray["Config"].get(key) == default["Config"].get(key)


def test_ray_brings_no_script() -> None:
    scripts = (
        "from pathlib import Path; import ray; print(sorted(Path(ray.__file__).parents[1].rglob('bin/*')))"
    )
    listed = {
        image: run("/opt/fleetcast/bin", entrypoint=["ls"], image=image) for image in (IMAGE, RAY_IMAGE)
    }

    assert listed[RAY_IMAGE] == listed[IMAGE]
    assert run("-c", scripts, entrypoint=[PYTHON], image=RAY_IMAGE) == "[]\n"


def test_the_default_image_has_neither_ray_nor_xgboost() -> None:
    absent = "from importlib.util import find_spec; print(find_spec('ray'), find_spec('xgboost'))"

    assert run("-c", absent, entrypoint=[PYTHON]) == "None None\n"


@pytest.mark.parametrize("options", [{}, LOCKED_DOWN], ids=["as root", "locked down"])
def test_two_nodes_hold_actors_and_train_one_model(options: dict[str, Any]) -> None:
    printed = run(
        *("-B", "/inside.py"),
        entrypoint=[PYTHON],
        image=RAY_IMAGE,
        volumes=[f"{INSIDE}:/inside.py:ro"],
        network_mode="none",
        environment=TOKEN,
        **options,
    )

    found = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    assert found["actors_are_where_they_were_put"]
    assert found["shares_have_one_model"]
    assert found["error"] < found["error_of_the_mean"] / 2
    assert found["returned"] == 2_000_000


def test_either_architecture_is_below_650_mb_and_listed() -> None:
    for image in built_for_both():
        listed = json.loads((Path("build") / f"{image.replace(':', '-')}.cdx.json").read_text())

        assert engine().images.get(image).attrs["Size"] < 650e6
        names = {each["name"] for each in listed["components"]}
        # aiohttp lies inside Ray's own package
        assert {"ray", "xgboost-cpu", "aiohttp", "protobuf", "numpy", "openjdk", "libc6"} <= names
        assert "xgboost" not in names


def test_xgboost_trains_the_same_model_on_either_architecture() -> None:
    ours, theirs = (
        [float(number) for number in run("-c", TRAINS, entrypoint=[PYTHON], image=image).split()]
        for image in built_for_both()
    )

    assert len(ours) == 300
    assert theirs == pytest.approx(ours, abs=1e-6)


def built_for_both() -> list[str]:
    for architecture, image in BY_ARCHITECTURE.items():
        if not engine().images.list(image):
            pytest.skip(f"there is no {image}: ./build.sh --variant ray --arch {architecture}")
    return list(BY_ARCHITECTURE.values())
