"""The fleet's pipeline with each step in a container of the image."""

import json
import subprocess
from pathlib import Path

from examples import synthetic
from testbed.server import installed
from tests.image.engine import IMAGE, run

STEPS = ("Process", "ProcessActuals", "Train", "Evaluate", "Gate")


def test_the_image_defines_and_checks_its_own_pipeline() -> None:
    assert '"Steps"' in run("pipeline", network_mode="none")
    run("pipeline", "--check", network_mode="none")


def test_the_steps_run_in_containers_up_to_the_registry(tmp_path: Path) -> None:
    readings = tmp_path / "readings"
    readings.mkdir()
    synthetic.write(readings / "readings.csv.gz", customers=6, rows=400)
    places = ("--map", f"s3://raw/readings={readings}", "--readings", "s3://raw/readings")
    options = ("--cutoff", "2025-12-01", *places, "--docker", "--parameter", f"Image={IMAGE}")

    done = subprocess.run(
        [*installed("pipeline"), "--run-local", str(tmp_path / "run"), *options],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert {path.parent.name for path in tmp_path.glob("run/steps/*/log.txt")} == set(STEPS)
    (package,) = json.loads((tmp_path / "run" / "registry.json").read_text())["ModelPackages"]
    assert package["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE
