"""Customers whose forecast several methods make: archive, ledger, restart, and honest warnings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import read_archive
from fleetcast.errors import SettingError
from fleetcast.forecasting import ForecastOptions, Model, forecast, loads
from tests.unit.jobs import HEADER, archives, history, ledger, run_train, trained, tree
from train.methods import Methods

DAYS = 200


def archived(tmp_path: Path, **hyperparameters: str) -> tuple[dict[str, Any], Model, dict[str, Any]]:
    """Return a customer's line in the ledger, its model and its metadata."""
    paths = tree(tmp_path, {"7/data.csv": history(days=DAYS)}, **hyperparameters)
    row = trained(paths)["7"]
    archive = read_archive(paths.checkpoints / "7.tar.gz")
    model = loads(archive.model)
    assert isinstance(model, Model)
    return row, model, dict(archive.metadata)


def test_by_default_prophets_model_forecasts_alone(tmp_path: Path) -> None:
    row, model, metadata = archived(tmp_path)
    same, _, _ = archived(tmp_path / "same", models="prophet", intervals="prophet")

    assert model.combination is None
    assert "opens_in_prophet" not in metadata
    assert "models" not in metadata["hyperparameters"]
    assert {"backtest", "members", "beats_seasonal_naive", "coverage_80"}.isdisjoint(row)
    assert same["in_sample"] == row["in_sample"]


def test_all_methods_are_weighed_where_that_is_asked_for(tmp_path: Path) -> None:
    row, model, metadata = archived(tmp_path, models="auto", intervals="calibrated")

    assert row["status"] == "ok"
    assert sum(row["members"].values()) == pytest.approx(1, abs=1e-4)
    assert {"prophet", "seasonal_naive", "combined"} <= row["backtest"].keys()
    assert metadata["metrics"]["members"] == row["members"]
    assert row["beats_seasonal_naive"] is (row["backtest"]["combined"] < row["backtest"]["seasonal_naive"])
    assert row["backtest_coverage"].keys() == {"50", "80", "90", "95"}
    assert row["coverage_80"] == row["backtest_coverage"]["80"]
    assert 0 < row["backtest_wape"] < 0.1
    assert abs(row["backtest_bias"]) < 1
    assert metadata["metrics"] == {name: row[name] for name in metadata["metrics"]}
    assert metadata["opens_in_prophet"] in {"without correction", "base only"}
    assert model.combination is not None
    assert model.combination.correction is not None
    assert model.combination.calibration is not None


def test_calibrated_intervals_alone_leave_the_forecast_as_it_is(tmp_path: Path) -> None:
    _, model, metadata = archived(tmp_path, intervals="calibrated")
    _, plain, _ = archived(tmp_path / "plain")
    options = ForecastOptions(14)

    ours, prophets = forecast(model, options), forecast(plain, options)

    assert metadata["opens_in_prophet"] == "same"
    assert (ours["yhat"] == prophets["yhat"]).all()
    assert (ours["yhat_lower"] != prophets["yhat_lower"]).any()


def test_without_calibrated_intervals_nothing_is_said_about_their_coverage(tmp_path: Path) -> None:
    row, model, _ = archived(tmp_path, models="auto")

    assert {"coverage_80", "backtest_coverage"}.isdisjoint(row)
    assert "beats_seasonal_naive" in row
    assert model.combination is not None
    assert model.combination.calibration is None


def test_the_metric_belongs_to_the_archive_only_if_it_is_not_the_default(tmp_path: Path) -> None:
    files = {"7/data.csv": history(days=DAYS)}
    plain, named, other = (
        trained(tree(tmp_path, files, models="auto", **metric))["7"]
        for metric in ({}, {"metric": "mase"}, {"metric": "wape"})
    )

    assert [row["status"] for row in (plain, named, other)] == ["ok", "skipped", "ok"]
    hyperparameters = read_archive(tmp_path / "checkpoints/7.tar.gz").metadata["hyperparameters"]
    assert hyperparameters["metric"] == "wape"


def test_backtests_measure_forecasts_clipped_at_0_as_they_are_served(tmp_path: Path) -> None:
    days = np.datetime64("2025-01-01") + np.arange(110)
    y = np.concatenate((np.linspace(200, 1, 96), np.zeros(14))) + np.random.default_rng(0).uniform(size=110)
    falling = HEADER + "".join(f"{day},{value:.3f}\n" for day, value in zip(days, y, strict=True))
    errors = {}
    for name in ("false", "true"):
        paths = tree(tmp_path / name, {"7/data.csv": falling}, models="auto", non_negative=name)
        errors[name] = trained(paths)["7"]["backtest"]["prophet"]

    assert errors["true"] < errors["false"]


def test_a_list_names_the_methods(tmp_path: Path) -> None:
    row, _, _ = archived(tmp_path, models='["seasonal_naive", "median"]')

    assert row["members"].keys() <= {"seasonal_naive", "median"}


def test_a_champion_forecasts_alone(tmp_path: Path) -> None:
    row, _, _ = archived(tmp_path, models="champion")

    assert list(row["members"].values()) == [1.0]


def test_the_held_out_error_is_that_of_the_combined_forecast(tmp_path: Path) -> None:
    row, _, _ = archived(tmp_path, models='["seasonal_naive"]', holdout="14D")
    naive, _, _ = archived(tmp_path / "prophet", holdout="14D")

    assert row["holdout"]["mae"] != naive["holdout"]["mae"]


def test_a_restart_skips_the_customer_and_another_choice_fits_it_again(tmp_path: Path) -> None:
    files = {"7/data.csv": history(days=DAYS)}
    first = trained(tree(tmp_path, files, models="auto"))["7"]
    before = archives(tree(tmp_path, files, models="auto"))
    again = trained(tree(tmp_path, files, models="auto"))["7"]
    after = archives(tree(tmp_path, files, models="auto"))
    other = trained(tree(tmp_path, files, models="champion"))["7"]

    assert (first["status"], again["status"], other["status"]) == ("ok", "skipped", "ok")
    assert before == after
    assert again["members"] == first["members"]


def test_a_customer_too_short_for_a_backtest_keeps_prophets_model_and_a_warning(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=19)}, models="auto")

    row = trained(paths)["7"]

    assert row["status"] == "ok"
    assert any("no backtest" in warning for warning in row["warnings"])
    assert "members" not in row


def test_regressors_take_part_through_prophets_model(tmp_path: Path) -> None:
    files = {"7/data.csv": history(days=DAYS, columns={"temperature": 10.0})}
    paths = tree(tmp_path, files, models="auto", regressors="temperature")

    row = trained(paths)["7"]

    assert row["status"] == "ok"
    assert "prophet" in row["backtest"]


def test_the_metric_line_says_how_the_fleet_fares(tmp_path: Path) -> None:
    files = {f"{number}/data.csv": history(days=DAYS, seed=number) for number in range(3)}

    code, log = run_train(tree(tmp_path, files, models="auto", intervals="calibrated"))

    assert code == 0
    assert "mean_backtest_mase=0." in log
    assert "share_beating_naive=" in log
    assert "mean_backtest_wape=0.0" in log
    assert "coverage_80=0." in log


def test_the_ledger_and_the_archive_agree_about_a_customer(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=DAYS)}, models="auto")
    trained(paths)

    line = ledger(paths)["7"]

    assert (
        json.loads(json.dumps(line["backtest"]))
        == read_archive(paths.checkpoints / "7.tar.gz").metadata["metrics"]["backtest"]
    )


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        (
            {"models": "best"},
            "models must be prophet, prophet+correction, auto, champion, global or a JSON list",
        ),
        ({"models": "[]"}, "JSON list of methods"),
        ({"models": '["prophet", "arima"]'}, "models has no method 'arima'; there are prophet,"),
        ({"backtest_cutoffs": "0"}, "backtest_cutoffs"),
        ({"backtest_horizon": "5000"}, "backtest_horizon"),
        ({"intervals": "wide"}, "intervals"),
        ({"champion_margin": "2"}, "champion_margin"),
        ({"metric": "smape"}, "metric"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(
    texts: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingError, match=named.replace("[", r"\[").replace("+", r"\+")):
        Methods.read(texts)


def promoted(name: str) -> str:
    """Return readings that a promotion raises by 30, and on holidays fall by 20; the column has this name."""
    generator = np.random.default_rng(0)
    days = np.datetime64("2025-01-01") + np.arange(DAYS)
    promotion = (generator.uniform(size=DAYS) < 0.2).astype(int)
    lasting = np.zeros(DAYS)
    for i, shock in enumerate(generator.normal(0, 2, DAYS)):
        lasting[i] = 0.9 * lasting[i - 1] + shock
    y = 100 + 5 * (np.arange(DAYS) % 7) + lasting + 30 * promotion - 20 * np.isin(days, GERMAN_HOLIDAYS)
    rows = zip(days, y, promotion, strict=True)
    return f"timestamp,consumption,{name}\n" + "".join(f"{d},{v:.3f},{p}\n" for d, v, p in rows)


GERMAN_HOLIDAYS = np.array(
    ["2025-01-01", "2025-04-18", "2025-04-21", "2025-05-01", "2025-05-29", "2025-06-09"], "datetime64[D]"
)


def test_promotions_and_holidays_count_in_full_beside_a_model_of_little_weight(tmp_path: Path) -> None:
    files = {"7/data.csv": promoted("Aktion")}
    settings = {"regressors": "Aktion", "country_holidays": "DE", "seasonality_mode": "multiplicative"}
    paths = tree(tmp_path, files, models="auto", **settings)
    row = trained(paths)["7"]
    model = loads(read_archive(paths.checkpoints / "7.tar.gz").model)
    plain = trained(tree(tmp_path / "plain", files, models="auto"))["7"]
    assert isinstance(model, Model)
    assert model.combination is not None
    assert model.combination.correction is not None
    ds = np.datetime64("2025-07-20") + np.arange(14)

    with_promotion, without = (
        forecast(model, ForecastOptions(ds=ds, regressors={"Aktion": value}))["yhat"] for value in (1, 0)
    )

    assert model.combination.correction.share < 0.5
    assert model.combination.correction.effects > 0.5
    assert (with_promotion - without).mean() == pytest.approx(30, rel=0.15)
    assert row["backtest"]["combined"] < 0.7 * plain["backtest"]["combined"]
    assert row["backtest"]["seasonal_naive"] == plain["backtest"]["seasonal_naive"]


def test_a_regressor_too_large_for_the_other_methods_stops_no_customer(tmp_path: Path) -> None:
    lines = promoted("load").splitlines()
    huge = [lines[0], *(line[:-1] + f"{1e29 * int(line[-1]):g}" for line in lines[1:])]

    row = trained(tree(tmp_path, {"7/data.csv": "\n".join(huge)}, models="auto", regressors="load"))["7"]

    assert row["status"] == "ok"
    assert row["backtest"]["combined"] < row["backtest"]["seasonal_naive"]
