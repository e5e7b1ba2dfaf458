"""How a customer's model is measured, in sample and on held-out readings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from serving.models import load_packed, look_up_each
from serving.request import Invocation, RequestBudget, RouteModel, respond
from tests.unit.jobs import HEADER, history, ledger, run_train, trained, tree
from train.program import train
from train.settings import TrainSettings

FIVE = {f"{number}/data.csv": history(days=60, seed=number) for number in range(5)}


def test_a_model_with_a_holdout_is_measured_on_it_and_fitted_to_all_readings(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, holdout="7D")
    plain = tree(tmp_path / "plain", {"7/data.csv": history()})

    train(paths, TrainSettings.from_files(paths))
    train(plain, TrainSettings())

    row = ledger(paths)["7"]
    assert row["in_sample"].keys() == {"mae", "rmse", "smape", "wape", "bias", "coverage", "winkler", "mase"}
    assert row["holdout"].keys() == row["in_sample"].keys() | {"beats_seasonal_naive"}
    archives = [read_archive(each.checkpoints / "7.tar.gz") for each in (paths, plain)]
    assert archives[0].model == archives[1].model


def test_a_job_without_holdout_and_backtests_measures_what_it_always_did(tmp_path: Path) -> None:
    row = trained(tree(tmp_path, {"7/data.csv": history()}))["7"]

    assert list(row["in_sample"]) == ["mae", "rmse", "smape", "coverage", "mase"]


def test_a_forecast_beats_the_naive_one_of_noise_but_not_one_that_is_exact(tmp_path: Path) -> None:
    days = np.datetime64("2025-01-01") + np.arange(60)
    week = np.resize([5.0, 1, 9, 2, 8, 3, 70], 60)
    exact = HEADER + "".join(f"{day},{y}\n" for day, y in zip(days, week, strict=True))
    paths = tree(tmp_path, {"noise/data.csv": history(days=200), "exact/data.csv": exact}, holdout="14D")

    rows = trained(paths)

    assert rows["noise"]["holdout"]["beats_seasonal_naive"] is True
    assert rows["exact"]["holdout"]["beats_seasonal_naive"] is False


def test_a_line_through_two_readings_has_no_mase(tmp_path: Path) -> None:
    two = "timestamp,consumption\n2026-01-01,1\n2026-01-02,2\n"
    paths = tree(tmp_path, {"7/data.csv": two}, max_fallback_fraction="1")

    code, log = run_train(paths)

    assert code == 0
    assert "mean_mase" not in log


def test_an_idle_customer_under_logistic_growth_is_measured_and_served_as_zero(tmp_path: Path) -> None:
    days = np.datetime64("2025-01-01") + np.arange(100)
    zeros = "timestamp,consumption\n" + "".join(f"{day},0\n" for day in days)
    paths = tree(tmp_path, {"7/data.csv": zeros}, growth="logistic", cap="10")

    run_train(paths)

    row = ledger(paths)["7"]
    served = respond(
        Invocation(b'{"cap": 10}', {}, RouteModel("7")),
        look_up_each(lambda _: load_packed((paths.checkpoints / "7.tar.gz").read_bytes())),
        budget=RequestBudget(),
    )
    assert (row["status"], row["in_sample"]["smape"]) == ("ok", 0.0)
    assert {step["yhat"] for step in json.loads(served.body)["predictions"]} == {0.0}


@pytest.mark.parametrize("model", [{"uncertainty_samples": 0}, {"uncertainty_samples": 0, "growth": "flat"}])
def test_without_uncertainty_samples_only_the_measures_of_intervals_are_missing(
    tmp_path: Path, model: dict[str, Any]
) -> None:
    paths = tree(tmp_path, FIVE, holdout="7D", **{name: str(value) for name, value in model.items()})

    rows = trained(paths)

    assert {row["status"] for row in rows.values()} == {"ok"}
    for row in rows.values():
        assert row["in_sample"].keys() == {"mae", "rmse", "smape", "wape", "bias", "mase"}
        assert row["holdout"].keys() == row["in_sample"].keys() | {"beats_seasonal_naive"}
    assert "<svg" in (paths.output_data / "report.html").read_text()
    assert "yhat_lower" not in forecast(
        loads(read_archive(paths.checkpoints / "0.tar.gz").model), ForecastOptions(1)
    )


def test_forecasts_clipped_at_0_are_measured_as_they_are_served(tmp_path: Path) -> None:
    low = "".join(f"2025-01-{day:02},{max(0, 15 - day) + day % 3 * 0.1:.1f}\n" for day in range(1, 32))
    measured = {}
    for name in ("false", "true"):
        paths = tree(tmp_path / name, {"7/data.csv": HEADER + low}, non_negative=name, n_changepoints="0")
        row = trained(paths)["7"]
        measured[name] = row["in_sample"]["rmse"]
        assert row.get("non_negative", False) == (name == "true")
        metadata = read_archive(paths.checkpoints / "7.tar.gz").metadata
        assert metadata.get("non_negative") == (True if name == "true" else None)

    assert measured["true"] < measured["false"]
