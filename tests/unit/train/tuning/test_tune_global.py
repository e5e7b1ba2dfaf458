"""`tune` with a model of all customers: its trees and its share are searched, for the whole fleet."""

import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from container import Paths
from fleetcast.errors import MissingExtraError, SettingError
from tests.unit.jobs import ledger, run_train, tree
from tests.unit.train.tuning import jobs, rebounding
from train.tuning.program import tune


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, str]:
    """Return a fleet after an undisturbed search, and the log."""
    paths = rebounding.fleet(tmp_path_factory.mktemp("tuned"))
    code, log = jobs.run(paths)
    assert code == 0, log
    return paths, log


def decided(paths: Paths) -> dict[str, Any]:
    """Return the result without what no two runs have in common, the processor time."""
    return {name: value for name, value in jobs.result(paths).items() if name != "cpu_seconds"}


def test_a_search_finds_the_trees_that_a_fleet_lacks(tuned: tuple[Paths, str]) -> None:
    paths, log = tuned
    found = jobs.result(paths)

    assert jobs.best(paths) == {**rebounding.POOR, "global_rounds": "60", "global_eta": "0.2"}
    assert found["judged"]["gain"] > 0.1
    assert found["judged"]["customers"] == rebounding.CUSTOMERS
    assert [row["changes"] for row in found["trees"]["configurations"]][-1] == {}
    assert {row["changes"].get("global_share") for row in found["shares"]["configurations"]} == {None, "0.3"}
    assert "less error on readings that chose nothing" in log
    assert "tune_gain=0." in log


def test_the_report_shows_trees_and_shares(tuned: tuple[Paths, str]) -> None:
    page = (tuned[0].output_data / "tune.html").read_text()

    assert "Trees of the model of all customers" in page
    assert "Shares of the model of all customers" in page
    assert "global_eta = 0.2, global_rounds = 60" in page


def test_train_takes_the_result(tuned: tuple[Paths, str], tmp_path: Path) -> None:
    best = jobs.best(tuned[0])
    files = {f"{number:02}/data.csv": rebounding.hours(seed=number) for number in range(10)}
    errors = []
    for folder, texts in (("a", rebounding.POOR), ("b", best)):
        paths = tree(tmp_path / folder, files, **texts)
        code, log = run_train(paths)
        assert code == 0, log
        errors.append(sum(row["backtest"]["global"] for row in ledger(paths).values()))

    assert errors[1] < 0.9 * errors[0]


def test_a_search_that_is_killed_goes_on_and_ends_as_an_undisturbed_one(
    tuned: tuple[Paths, str], tmp_path: Path
) -> None:
    undisturbed, _ = tuned
    paths = rebounding.fleet(tmp_path)
    journal = paths.checkpoints / "tune.jsonl"
    for lines in (3, 9):
        process = jobs.start(paths)
        while process.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < lines):
            time.sleep(0.01)
        process.kill()
        process.communicate()

    code, log = jobs.run(paths)

    assert code == 0, log
    assert "evaluations" in log
    assert decided(paths) == decided(undisturbed)
    assert jobs.best(paths) == jobs.best(undisturbed)


def test_the_last_horizon_of_each_history_chooses_nothing(tuned: tuple[Paths, str], tmp_path: Path) -> None:
    paths = rebounding.fleet(tmp_path, last=1_000.0)

    assert tune(paths) == 0

    found, other = jobs.result(tuned[0]), jobs.result(paths)
    for kind in ("trees", "shares"):
        assert other[kind]["configurations"] == found[kind]["configurations"]
    assert other["judged"]["before"] > 100 * found["judged"]["before"]


def test_trees_that_the_budget_leaves_unjudged_are_not_used(tuned: tuple[Paths, str], tmp_path: Path) -> None:
    head, *lines = (tuned[0].checkpoints / "tune.jsonl").read_text().splitlines()
    kept = [line for line in lines if "judges" not in json.loads(line)]
    last = [line for line in kept if '"of":"customer"' in line][-1]
    other = {**json.loads(last), "errors": {"5": [1.0]}, "under": "another", "cpu_seconds": 1e6}
    paths = rebounding.fleet(tmp_path)
    paths.checkpoints.mkdir()
    (paths.checkpoints / "tune.jsonl").write_text("\n".join([head, *kept, json.dumps(other), ""]))

    assert tune(paths) == 0

    found = jobs.result(paths)
    assert found["trees"]["configurations"][0]["changes"] == {"global_eta": "0.2", "global_rounds": "60"}
    assert found["judged"] is None
    assert jobs.best(paths) == rebounding.POOR


def test_a_model_of_all_customers_alone_has_its_trees_searched_and_nothing_else(tmp_path: Path) -> None:
    space = '{"global_rounds": [60], "global_eta": [0.2]}'
    paths = rebounding.fleet(tmp_path, models="global", tune_space=space)

    assert tune(paths) == 0

    found = jobs.result(paths)
    assert jobs.best(paths)["global_rounds"] == "60"
    assert found["configurations"] == found["shares"]["configurations"] == []
    assert found["judged"]["gain"] > 0.1


def test_customers_of_their_own_have_prophets_settings_alone(tmp_path: Path) -> None:
    space = '{"global_rounds": [60], "global_share": [0.5], "changepoint_range": [0.9]}'
    paths = rebounding.fleet(tmp_path, tune_space=space, tune_per="customer", tune_margin="0")

    assert tune(paths) == 0

    best = jobs.best(paths)
    for row in best[1:] if isinstance(best, list) else []:
        assert row.keys() == {"customer", "changepoint_range"}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (
            {"models": "prophet", "tune_space": '{"global_eta": [0.1]}'},
            "the search space has global_eta, but models = prophet has no model of all customers",
        ),
        (
            {"models": "global", "tune_space": '{"growth": ["flat"]}'},
            "the search space has growth, but models = global is a model of all customers alone",
        ),
        (
            {"models": "global", "tune_space": '{"global_share": [0.5]}'},
            "the search space has global_share, but models = global",
        ),
    ],
)
def test_a_setting_that_no_forecast_depends_on_is_refused(
    tmp_path: Path, texts: dict[str, str], reason: str
) -> None:
    paths = tree(tmp_path, {"0.csv": rebounding.hours(seed=0)}, **texts)

    with pytest.raises(SettingError, match=reason):
        tune(paths)


def test_too_few_customers_for_a_model_are_searched_without_it_or_refused(tmp_path: Path) -> None:
    files = {f"{number}.csv": rebounding.hours(seed=number) for number in range(3)}
    space = {"tune_space": '{"global_eta": [0.1], "changepoint_range": [0.9]}'}
    auto = tree(tmp_path / "a", files, **{**rebounding.POOR, **space})

    assert tune(auto) == 0
    assert jobs.result(auto)["trees"]["configurations"] == []
    assert len(jobs.result(auto)["configurations"]) == 2

    alone = {**rebounding.POOR, "models": "global", "tune_space": '{"global_eta": [0.1]}'}
    with pytest.raises(SettingError, match=r"3 customers have readings at equal steps.*, and it needs 10"):
        tune(tree(tmp_path / "b", files, **alone))


def test_without_xgboost_auto_is_searched_without_the_model_and_global_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str) -> object:
        return None if name == "xgboost" else find_spec(name)

    monkeypatch.setattr("train.global_training.training.find_spec", without)
    monkeypatch.setattr("fleetcast.extras.find_spec", without)
    files = {f"{number:02}.csv": rebounding.hours(seed=number) for number in range(10)}
    auto = tree(tmp_path / "a", files, models="auto", tune_space='{"changepoint_range": [0.9]}')

    assert tune(auto) == 0
    assert not (auto.checkpoints / "tune.jsonl").read_text().count('"of":"work"')

    with pytest.raises(MissingExtraError, match="xgboost"):
        tune(tree(tmp_path / "b", files, models="global"))
