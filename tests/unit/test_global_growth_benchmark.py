"""The benchmark of the training of the model of all customers, on a small fleet."""

import json
from pathlib import Path

import pytest

from benchmarks import global_growth

pytest.importorskip("xgboost", reason="needs the extra fleetcast[global]")


def test_it_measures_each_fleet_with_its_worker_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(global_growth, "DIFFERENT", 10)
    global_growth.main(["--customers", "12", "--results", str(tmp_path)])

    (result,) = json.loads((tmp_path / "global_growth.json").read_text())["results"]
    assert result["customers"] == 12
    assert result["processor_seconds"] > 1
    assert result["seconds"] > 0
    assert 50 < result["megabytes"] < 1_000
    assert result["archive_bytes"] > 10_000
    row = f"| 12 | {result['seconds']:.0f} | {result['processor_seconds']:.0f} |"
    assert row in (tmp_path / "global_growth.md").read_text()
    assert row in capsys.readouterr().out
