"""The benchmark of repeated jobs, on made-up series."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from testbed.combined import hourly

ROOT = Path(__file__).parents[2]


def run(folder: Path, *, rows: int) -> subprocess.CompletedProcess[str]:
    lines = ["unique_id,ds,y"]
    for series in range(2):
        stamps, y = hourly(rows, seed=series)
        times = np.datetime_as_string(stamps.view("datetime64[us]").astype("datetime64[s]"))
        lines += [f"meter {series},{time},{value}" for time, value in zip(times, y.tolist(), strict=True)]
    path = folder / "loads.csv"
    path.write_text("\n".join(lines) + "\n")
    options = ["--jobs", "3", "--results", str(folder), str(path)]
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.repeated_jobs", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_measures_each_job_with_earlier_choices_and_without(tmp_path: Path) -> None:
    done = run(tmp_path, rows=600)

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "repeated_jobs.json").read_text())["results"]
    anew, kept = result["methods"]["`champion`"], result["methods"]["`champion`, `keep_incumbent`"]
    assert (result["table"], result["series"], result["jobs"]) == ("loads", 2, 3)
    assert 0 < anew["mase"] < 2
    assert 0 <= kept["changed"] <= 1 - kept["kept"]
    assert "kept" not in anew
    assert f"| `champion` | {anew['mase']:.3f} |" in done.stdout


def test_a_series_too_short_for_the_jobs_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, rows=175)

    assert done.returncode == 1
    assert "series meter 0 has too few readings for 3 jobs" in done.stderr
