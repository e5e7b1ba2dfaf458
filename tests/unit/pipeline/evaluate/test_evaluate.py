"""Archives of real trainings, compared with readings that came later."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from fleetcast.archive import read_archive
from fleetcast.errors import InputError
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import write_config
from tests.unit.pipeline.evaluate.fleets import DAY, NEW, START, TRAINED, csv, evaluated, fleet, series
from train.refresh.program import refresh
from train.settings import TrainSettings

Y = series()
BEFORE, AFTER = Y[:TRAINED], Y[TRAINED:]
TIMES = START + DAY * np.arange(TRAINED, TRAINED + NEW)


def test_metrics_equal_those_computed_by_hand(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})

    content, lines, _ = evaluated(paths, {"7": csv(AFTER, first=TRAINED)}, history={"7": csv(BEFORE)})

    model = loads(read_archive(paths.checkpoints / "7.tar.gz").model)
    table = forecast(model, ForecastOptions(ds=TIMES, interval_width=0.8))
    error, scale = table["yhat"] - AFTER, np.abs(BEFORE[7:] - BEFORE[:-7]).mean()
    naive_error = np.tile(BEFORE[-7:], 2) - AFTER
    lower, upper = table["yhat_lower"], table["yhat_upper"]
    outside = np.maximum(lower - AFTER, 0) + np.maximum(AFTER - upper, 0)
    expected = {
        "mae": np.abs(error).mean(),
        "rmse": math.sqrt((error**2).mean()),
        "wape": np.abs(error).sum() / np.abs(AFTER).sum(),
        "smape": 200 * (np.abs(error) / (np.abs(AFTER) + np.abs(table["yhat"]))).mean(),
        "bias": error.mean(),
        "mase": np.abs(error).mean() / scale,
        "coverage_80": ((lower <= AFTER) & (upper >= AFTER)).mean(),
        "winkler_80": (upper - lower + 10 * outside).mean(),
    }
    naive = {"mae": np.abs(naive_error).mean(), "mase": np.abs(naive_error).mean() / scale}
    line = lines["7"]
    assert line["metrics"] == pytest.approx(expected, rel=1e-9)
    assert {name: line["naive_metrics"][name] for name in naive} == pytest.approx(naive, rel=1e-9)
    assert (line["readings"], line["steps"], line["findings"]) == (NEW, NEW, [])
    assert (line["archive_end"], line["first"], line["last"]) == (
        "2025-03-06T00:00:00",
        "2025-03-07T00:00:00",
        "2025-03-20T00:00:00",
    )
    assert {name: entry["value"] for name, entry in content["regression_metrics"].items()} == line["metrics"]
    assert content["fleet"]["mase_ratio_to_naive"]["value"] == pytest.approx(
        expected["mase"] / naive["mase"], rel=1e-9
    )


def test_readings_up_to_the_archives_end_take_no_part_in_the_error(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})
    _, alone, _ = evaluated(paths, {"7": csv(AFTER, first=TRAINED)})
    planted = Y.copy()
    planted[: TRAINED - 30] += 1e6

    _, lines, _ = evaluated(paths, {"7": csv(planted)})

    assert lines["7"]["metrics"] == alone["7"]["metrics"]
    assert (lines["7"]["readings"], lines["7"]["first"]) == (NEW, "2025-03-07T00:00:00")


def test_the_mean_over_customers_and_its_deviation(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    files = {name: series(seed=seed) for seed, name in enumerate(names)}
    paths = fleet(tmp_path, {name: csv(y[:TRAINED]) for name, y in files.items()})

    content, lines, _ = evaluated(paths, {name: csv(y) for name, y in files.items()})

    for kind, key in (("regression_metrics", "metrics"), ("naive_metrics", "naive_metrics")):
        values = np.array([lines[name][key]["mase"] for name in names])
        assert content[kind]["mase"]["value"] == pytest.approx(values.mean(), rel=1e-12)
        assert content[kind]["mase"]["standard_deviation"] == pytest.approx(values.std(), rel=1e-9)
    beats = [lines[name]["metrics"]["mae"] < lines[name]["naive_metrics"]["mae"] for name in names]
    assert content["fleet"]["share_beating_naive"]["value"] == pytest.approx(np.mean(beats))
    assert content["fleet"]["customers_evaluated"]["value"] == 3


def test_every_status_and_no_customer_stops_another(tmp_path: Path) -> None:
    whole = csv(Y)
    paths = fleet(tmp_path, dict.fromkeys(("good", "old", "broken", "silent", "damaged"), csv(BEFORE)))
    (paths.checkpoints / "damaged.tar.gz").write_bytes(b"no gzip")

    content, lines, _ = evaluated(
        paths,
        {
            "good": whole,
            "old": csv(BEFORE),
            "broken": whole + "never,1\n",
            "damaged": whole,
            "unknown": whole,
            "untrained": whole,
        },
        history={"good": csv(BEFORE), "untrained": csv(BEFORE)},
    )

    assert {name: line["status"] for name, line in lines.items()} == {
        "good": "ok",
        "old": "no new readings",
        "broken": "failed",
        "silent": "no actuals",
        "damaged": "failed",
        "unknown": "no archive",
        "untrained": "failed",
    }
    assert lines["old"]["number"] == TRAINED
    assert lines["old"]["reason"] == (
        "it has no reading after the archive's end 2025-03-06T00:00:00; the latest of 60 is of "
        "2025-03-06T00:00:00"
    )
    assert "'never'" in lines["broken"]["reason"]
    fleet_figures = {name: entry["value"] for name, entry in content["fleet"].items()}
    assert fleet_figures["customers"] == 7
    assert fleet_figures["customers_failed"] == 3
    assert fleet_figures["failed_fraction"] == pytest.approx(3 / 4)
    assert fleet_figures["evaluated_fraction"] == pytest.approx(1 / 7)


@pytest.mark.parametrize(("horizon", "readings"), [("7D", 7), ("3", 3), ("36h", 1), ("", NEW)])
def test_only_the_horizon_counts(tmp_path: Path, horizon: str, readings: int) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})

    _, lines, _ = evaluated(paths, {"7": csv(Y)}, horizon=horizon)

    assert (lines["7"]["readings"], lines["7"]["steps"]) == (readings, readings)


def test_without_a_history_there_is_no_naive_forecast_and_never_nan(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})

    content, lines, _ = evaluated(paths, {"7": csv(AFTER, first=TRAINED)})

    assert lines["7"]["metrics"]["mase"] > 0
    assert (lines["7"]["naive_metrics"], content["naive_metrics"]) == ({}, {})
    assert [(each["kind"], each["number"]) for each in lines["7"]["findings"]] == [("no naive forecast", 0)]
    assert "mase_ratio_to_naive" not in content["fleet"]


def test_the_end_of_the_history_is_enough_for_the_naive_forecast_and_less_is_not_used(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})

    _, enough, _ = evaluated(paths, {"7": csv(Y[TRAINED - 15 :], first=TRAINED - 15)})
    _, few, _ = evaluated(paths, {"7": csv(Y[TRAINED - 14 :], first=TRAINED - 14)})
    _, old, _ = evaluated(
        paths, {"7": csv(AFTER, first=TRAINED)}, history={"7": csv(BEFORE[:-1])}
    )  # ends a day before the archive

    assert enough["7"]["naive_metrics"]
    assert (few["7"]["naive_metrics"], few["7"]["findings"][0]["number"]) == ({}, 14)
    assert (old["7"]["naive_metrics"], old["7"]["findings"][0]["number"]) == ({}, 0)
    assert enough["7"]["metrics"] == few["7"]["metrics"] == old["7"]["metrics"]


def test_later_readings_in_the_history_are_not_used(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})
    new = {"7": csv(AFTER, first=TRAINED)}
    _, right, _ = evaluated(paths, new, history={"7": csv(BEFORE)})

    _, lines, _ = evaluated(paths, new, history={"7": csv(Y)})

    assert lines["7"]["naive_metrics"] == right["7"]["naive_metrics"]


def test_a_refreshed_archive_is_compared_from_its_new_end_on(tmp_path: Path) -> None:
    methods = json.dumps(["seasonal_naive", "median"])
    paths = fleet(tmp_path, {"7": csv(BEFORE)}, models=methods)
    (paths.channels / "train" / "7" / "data.csv").write_text(csv(Y[: TRAINED + 7]))
    refresh(paths, TrainSettings.from_files(paths))

    _, lines, _ = evaluated(paths, {"7": csv(AFTER[1:], first=TRAINED + 1)})

    naive = np.abs(Y[TRAINED : TRAINED + 7] - AFTER[7:]).mean()
    line = lines["7"]
    assert (line["archive_end"], line["readings"], line["steps"]) == ("2025-03-13T00:00:00", 7, 7)
    assert line["naive_metrics"]["mae"] == pytest.approx(naive, rel=1e-6)


def test_a_history_in_the_archive_serves_the_naive_forecast(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)}, keep_history="true")

    _, lines, _ = evaluated(paths, {"7": csv(AFTER, first=TRAINED)})

    naive = np.abs(np.tile(BEFORE[-7:], 2) - AFTER).mean()
    assert lines["7"]["naive_metrics"]["mae"] == pytest.approx(naive)


def test_regressors_are_read_and_rows_without_them_are_left_out(tmp_path: Path) -> None:
    heat = np.random.default_rng(9).normal(10, 3, len(Y))
    y = np.round(Y + 4 * heat, 3)
    before = csv(y[:TRAINED], columns={"heat": heat[:TRAINED]})
    paths = fleet(tmp_path, {"7": before, "8": before}, regressors="heat")
    lacking = csv(y, columns={"heat": heat}).replace(f",{float(heat[-1])!r}\n", ",\n")

    _, lines, _ = evaluated(paths, {"7": lacking, "8": csv(y)})

    found = {each["kind"]: each["number"] for each in lines["7"]["findings"]}
    assert (lines["7"]["readings"], found) == (NEW - 1, {"rows left out": 1})
    assert lines["7"]["metrics"]["mae"] < 3
    assert (lines["8"]["status"], "heat" in lines["8"]["reason"]) == ("failed", True)


@pytest.mark.parametrize("cap", ["hyperparameter", "column"])
def test_logistic_growth_has_the_cap_of_its_training(tmp_path: Path, cap: str) -> None:
    columns = {"cap": np.full(len(Y), 80.0)} if cap == "column" else {}
    before = csv(BEFORE, columns={name: values[:TRAINED] for name, values in columns.items()})
    hyperparameters = {"cap": "80"} if cap == "hyperparameter" else {}
    paths = fleet(tmp_path, {"7": before, "8": before}, growth="logistic", **hyperparameters)

    _, lines, _ = evaluated(paths, {"7": csv(Y, columns=columns), "8": csv(Y)})

    assert lines["7"]["metrics"]["mae"] < 3
    assert lines["8"]["status"] == ("ok" if cap == "hyperparameter" else "failed")


def test_files_are_read_as_the_archive_says_they_are_written(tmp_path: Path) -> None:
    def german(text: str) -> str:
        return text.replace(",", ";").replace(".", ",")

    paths = fleet(tmp_path, {"7": german(csv(BEFORE))}, delimiter="semicolon", decimal=",")

    _, lines, _ = evaluated(paths, {"7": german(csv(Y))})

    assert (lines["7"]["status"], lines["7"]["readings"]) == ("ok", NEW)


def test_a_job_of_several_hosts_is_refused(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": csv(BEFORE)})
    (paths.base / "config").mkdir()
    write_config(paths, "resourceconfig", {})
    (paths.base / "config" / "resourceconfig.json").write_text('{"hosts": ["algo-1", "algo-2"]}')

    with pytest.raises(InputError, match=r"the job has 2 hosts.*use one instance"):
        evaluated(paths, {"7": csv(Y)})
