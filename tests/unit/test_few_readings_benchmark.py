"""The benchmark of customers with few readings, on made-up series."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from testbed.combined import hourly

ROOT = Path(__file__).parents[2]


def test_it_measures_short_histories_with_the_fleet_and_without(tmp_path: Path) -> None:
    lines = ["unique_id,ds,y"]
    for series in range(16):
        stamps, y = hourly(360, seed=series)
        times = np.datetime_as_string(stamps.view("datetime64[us]").astype("datetime64[s]"))
        lines += [f"meter {series},{time},{value}" for time, value in zip(times, y.tolist(), strict=True)]
    path = tmp_path / "loads.csv"
    path.write_text("\n".join(lines) + "\n")

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.few_readings", "--results", str(tmp_path), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "few_readings.json").read_text())["results"]
    rows = {(row["readings"], row["method"]): row for row in result["rows"]}
    alone, auto = rows[30, "Prophet's model"], rows[30, "`auto`"]
    with_fleet = rows[30, "`auto`, `fleet_statistics`"]
    assert (result["table"], result["series"], len(rows)) == ("loads", 16, 15)
    assert auto["mase"] == alone["mase"]
    assert with_fleet["mase"] < 0.8 * alone["mase"]
    assert f"| {with_fleet['mase']:.2f} | {with_fleet['coverage']:.2f} |" in done.stdout
