"""The benchmark of forecast errors, on made-up series whose errors are known."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DAYS, TEST_DAYS = 14, 2
STATSFORECAST = """
import json
import os
import numpy as np


class Method:
    def __init__(self, season_length):
        self.season_length = season_length

    def fit(self, y):
        self.y = y
        return self

    def predict(self, h, level):
        asked = {"method": type(self).__name__, "season": self.season_length, "y": self.y.tolist(), "h": h}
        with open(os.environ["ASKED"], "a") as file:
            file.write(json.dumps(asked) + "\\n")
        mean = np.full(h, self.y[-24:].mean())
        return {"mean": mean} | {f"{end}-{each}": mean + sign * 1000 for each in level
                                 for end, sign in (("lo", -1), ("hi", 1))}


class AutoETS(Method): pass
class MSTL(Method): pass
class DynamicOptimizedTheta(Method): pass
class AutoCES(Method): pass
"""


def load(series: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return hours of a load that repeats its days, every other one 2 higher, so that q of MASE is 2."""
    hours = np.arange(24 * (DAYS + TEST_DAYS))
    return 20 + 10 * series + 5 * np.sin(hours / 24 * 2 * np.pi) + 2.0 * (hours // 24 % 2)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    table = ["unique_id,ds,y,split"]
    for series in range(3):
        for hour, y in enumerate(load(series)):
            ds = np.datetime64("2026-01-01T00") + hour
            table.append(f"{series},{ds}:00,{y},{'train' if hour < 24 * DAYS else 'test'}")
    path = folder / "m4_hourly_of_three.csv"
    path.write_text("\n".join(table) + "\n")
    environment = os.environ | {"PYTHONPATH": str(folder), "ASKED": str(folder / "asked")}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy", "--results", str(folder), *arguments, str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of every second of three series, with a statsforecast that notes what it is asked."""
    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "statsforecast").mkdir()
    (folder / "statsforecast" / "__init__.py").write_text('__version__ = "0"')
    (folder / "statsforecast" / "models.py").write_text(STATSFORECAST)
    done = run(folder, "--every", "2", "--peers", sys.executable)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def methods(folder: Path) -> dict[str, dict[str, float]]:
    (result,) = json.loads((folder / "accuracy.json").read_text())["results"]
    assert (result["table"], result["series"], result["hours"]) == ("m4_hourly_of_three", 2, 24 * TEST_DAYS)
    found: dict[str, dict[str, float]] = result["methods"]
    return found


def test_the_figures_of_a_forecast_are_those_worked_out_by_hand(methods: dict[str, dict[str, float]]) -> None:
    test = [load(series)[24 * DAYS :] for series in (0, 2)]
    naive = [load(series)[24 * (DAYS - 1) : 24 * DAYS] for series in (0, 2)]
    error = [np.abs(y - np.tile(day, TEST_DAYS)) for y, day in zip(test, naive, strict=True)]
    smape = [
        200 * np.mean(e / (y + np.tile(day, TEST_DAYS))) for e, y, day in zip(error, test, naive, strict=True)
    ]

    row = methods["seasonal naive"]

    assert row["mase"] == pytest.approx(0.5)
    assert row["wape"] == pytest.approx(
        np.mean([e.sum() / y.sum() for e, y in zip(error, test, strict=True)])
    )
    assert row["owa"] == pytest.approx((np.mean(smape) / 18.383 + 0.5 / 2.395) / 2)
    assert row["beats_naive"] == 0
    assert "coverage_0.8" not in row
    assert "milliseconds" not in row
    flat = methods["AutoETS"]
    assert (flat["coverage_0.8"], flat["coverage_0.95"]) == (1, 1)
    assert (flat["winkler_0.8"], flat["winkler_0.95"]) == (pytest.approx(1000), pytest.approx(1000))


def test_costs_are_multiples_of_a_default_fit_and_of_stock_prophet(
    methods: dict[str, dict[str, float]],
) -> None:
    assert methods["`models=prophet`"]["fits"] == 1
    assert methods["stock Prophet"]["stock"] == 1
    assert methods["stock Prophet"]["worse_than_prophet"] == 0
    assert methods["`models=auto`"]["fits"] > 1 > methods["`models=auto`"]["stock"] > 0


def test_published_figures_stand_beside_a_measurement_of_all_series_only(
    methods: dict[str, dict[str, float]], folder: Path
) -> None:
    assert list(methods)[:2] == ["seasonal naive", "stock Prophet"]
    assert list(methods)[5:] == ["AutoETS", "MSTL", "DynamicOptimizedTheta", "AutoCES"]
    assert "published" not in (folder / "accuracy.md").read_text()


def test_statsforecast_gets_each_history_without_its_test_part(folder: Path) -> None:
    asked = [json.loads(line) for line in (folder / "asked").read_text().splitlines()]

    seasons = {each["method"]: each["season"] for each in asked}
    assert seasons == {"AutoETS": 24, "MSTL": [24, 168], "DynamicOptimizedTheta": 24, "AutoCES": 24}
    assert {each["h"] for each in asked} == {24 * TEST_DAYS}
    histories = [each["y"] for each in asked[:: len(seasons)]]
    expected = [load(series)[: 24 * DAYS].tolist() for series in (0, 0, 2)]  # the first one twice, to warm up
    assert histories == expected


def test_a_python_without_statsforecast_ends_the_benchmark_with_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "--peers", sys.executable)

    assert done.returncode == 1
    assert "No module named 'statsforecast'" in done.stderr
    assert "`make bench-accuracy` makes an environment that has it" in done.stderr
    assert not (tmp_path / "accuracy.json").exists()
