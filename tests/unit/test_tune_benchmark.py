"""The benchmark of a search of hyperparameters, on made-up series."""

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.train.tuning.jobs import spiky
from tests.unit.train.tuning.rebounding import hours

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


def test_it_measures_what_a_search_of_the_model_of_all_customers_gains(tmp_path: Path) -> None:
    lines = ["unique_id,ds,y,split"]
    for series in range(11):
        rows = hours(seed=series).splitlines()[1:]
        lines += [f"meter {series},{row},train" for row in rows[:-24]]
        lines += [f"meter {series},{row},test" for row in rows[-24:]]
    path = tmp_path / "loads.csv"
    path.write_text("\n".join(lines) + "\n")
    command = ["benchmarks.tune", "--models", "auto", "--budget", "4", "--results", str(tmp_path), str(path)]

    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1_800
    )

    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "tune_auto.json").read_text())["results"]
    assert len(result["trees"]["configurations"]) > 1
    assert result["choices"]["`models=auto`"]["gain"] == 0
    assert result["choices"].keys() == {"`models=auto`", "what `tune` finds", "the smallest errors"}
    assert result["choices"]["the smallest errors"]["mase"] > 0
    assert "MODELS=auto BUDGET=4" in done.stdout
