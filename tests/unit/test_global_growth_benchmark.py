"""The benchmark of the training of the model of all customers, on a small fleet."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xgboost", reason="needs the extra fleetcast[global]")
ROOT = Path(__file__).parents[2]


def test_it_measures_each_fleet_with_its_worker_processes(tmp_path: Path) -> None:
    options = ["--customers", "12", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.global_growth", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "global_growth.json").read_text())["results"]
    assert result["customers"] == 12
    assert result["processor_seconds"] > 1
    assert result["seconds"] > 0
    assert 50 < result["megabytes"] < 1_000
    assert result["archive_bytes"] > 10_000
    row = f"| 12 | {result['seconds']:.0f} | {result['processor_seconds']:.0f} |"
    assert row in (tmp_path / "global_growth.md").read_text()
    assert row in done.stdout
