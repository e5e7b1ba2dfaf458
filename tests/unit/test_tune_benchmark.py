"""The benchmark of a search of hyperparameters, on made-up series."""

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.train.tuning.jobs import spiky

ROOT = Path(__file__).parents[2]


def test_it_measures_what_a_search_gains_on_a_part_that_it_has_not_seen(tmp_path: Path) -> None:
    lines = ["unique_id,ds,y"]
    for series in range(9):
        lines += [f"meter {series},{row}" for row in spiky(seed=series, days=168).splitlines()[1:]]
    path = tmp_path / "loads.csv"
    path.write_text("\n".join(lines) + "\n")

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tune", "--budget", "60", "--results", str(tmp_path), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "tune.json").read_text())["results"]
    default, fleet = result["choices"]["Prophet's defaults"], result["choices"]["`tune_per=fleet`"]
    assert (result["table"], result["series"], fleet["changed"]) == ("loads", 9, 9)
    assert fleet["mase"] < 0.9 * default["mase"]
    assert fleet["gain"] > 0.1
    assert f"| {fleet['mase']:.3f} | {fleet['smape']:.2f} |" in done.stdout
