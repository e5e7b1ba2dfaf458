"""The benchmark of the model of all customers, on made-up series."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from testbed.combined import hourly

pytest.importorskip("xgboost", reason="needs the extra fleetcast[global]")
ROOT = Path(__file__).parents[2]


def run(folder: Path, *, series: int, rows: int) -> subprocess.CompletedProcess[str]:
    lines = ["unique_id,ds,y"]
    for number in range(series):
        stamps, y = hourly(rows, seed=number)
        times = np.datetime_as_string(stamps.view("datetime64[us]").astype("datetime64[s]"))
        lines += [f"meter {number},{time},{value}" for time, value in zip(times, y.tolist(), strict=True)]
    path = folder / "loads.csv"
    path.write_text("\n".join(lines) + "\n")
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.global_model", "--results", str(folder), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_measures_jobs_with_the_model_and_without_and_new_customers(tmp_path: Path) -> None:
    done = run(tmp_path, series=15, rows=24 * 40)

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "global_model.json").read_text())["results"]
    methods, new = result["methods"], result["new"]
    local, auto, alone = (
        methods[name] for name in ("`models=auto`, `global_share=0`", "`models=auto`", "`models=global`")
    )
    assert (result["table"], result["series"]) == ("loads", 15)
    assert len({row["mase"] for row in methods.values()}) == 4
    assert all(0 < row["mase"] < 2 and 0 <= row["beats_naive"] <= 15 for row in methods.values())
    assert all(0 < row["coverage_0.8"] <= row["coverage_0.95"] <= 1 for row in (local, auto, alone))
    assert list(new["global model"]) == ["3 days", "7 days", "14 days"]
    assert new["global model"]["7 days"] < new["seasonal naive"]["7 days"]
    assert f"| `models=global` | {alone['mase']:.3f} |" in done.stdout
    assert f"| global model | {new['global model']['3 days']:.3f} |" in done.stdout


def test_a_table_with_too_few_series_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, series=3, rows=24 * 40)

    assert done.returncode != 0
    assert (
        "3 customers have readings at equal steps of h, the most common ones, and it needs 10" in done.stderr
    )
