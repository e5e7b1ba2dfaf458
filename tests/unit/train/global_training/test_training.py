"""The training of global models: who takes part, up to which date, and what later readings must not do."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fleetcast.archive import GLOBAL_NAME, unpack
from fleetcast.errors import InputError, MissingExtraError, SettingError
from fleetcast.forecasting.calendar import DAY
from fleetcast.global_model import (
    STACKED_FEATURES,
    DatedModels,
    Kind,
    Part,
    TrainingRows,
    Trees,
    read_global_model,
)
from fleetcast.global_model.features import AHEAD
from tests.unit.fleetcast.global_model.fleets import readings, stamps
from tests.unit.jobs import tree
from tests.unit.train.global_training.fleets import InThisProcess, csv, daily
from train.channel import Customer, find_customers
from train.customer import FitCustomer, Fitted
from train.global_training import drawing, with_global_models
from train.global_training.archive import GlobalTraining
from train.global_training.draw_rows import DrawnRows
from train.global_training.rows_here import RowsHere
from train.global_training.training import _best_shares
from train.settings import TrainSettings

DAYS = 120


def prepared(
    base: Path, files: dict[str, str], **hyperparameters: str
) -> tuple[list[Customer], TrainSettings]:
    paths = tree(base, files, config={}, **{"models": "auto", **hyperparameters})
    return find_customers(paths), replace(TrainSettings.from_files(paths), workers=2)


def trained(
    base: Path,
    files: dict[str, str],
    *,
    stopped: Callable[[], bool] = lambda: False,
    engine: InThisProcess = InThisProcess(),  # noqa: B008 - it has no state
    **hyperparameters: str,
) -> GlobalTraining:
    customers, settings = prepared(base, files, **hyperparameters)
    return with_global_models(engine, customers, settings, stopped)


def models(found: GlobalTraining) -> DatedModels:
    own = found.settings.methods.global_models
    assert own is not None
    return own


@pytest.fixture(scope="module")
def fleet() -> dict[str, str]:
    return daily(12, DAYS)


@pytest.fixture(scope="module")
def usual(fleet: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> GlobalTraining:
    return trained(tmp_path_factory.mktemp("usual"), fleet)


def test_a_fleet_with_one_end_has_a_model_of_it_and_one_for_backtests(usual: GlobalTraining) -> None:
    own, last = models(usual), int(stamps("D", DAYS)[-1])

    assert len(own.dates) == 2
    assert own.dates[1] == last
    assert last - 60 * DAY < own.dates[0] < last - 14 * DAY
    assert own.freq == "D"
    assert own.horizon == 14


def test_the_archive_has_the_newest_model(usual: GlobalTraining) -> None:
    archive = unpack(usual.packed)
    own = models(usual)

    assert archive.metadata["customer"] == GLOBAL_NAME
    assert isinstance(archive.model, bytes)
    one = read_global_model(archive.model).parts["plain"].trees
    np.testing.assert_array_equal(one.threshold, own.models[-1].parts["plain"].trees.threshold)


def test_neither_the_order_of_customers_and_results_nor_the_number_of_threads_changes_the_models(
    usual: GlobalTraining, fleet: dict[str, str], tmp_path: Path
) -> None:
    customers, settings = prepared(tmp_path, fleet)
    again = with_global_models(
        InThisProcess(last_first=True), customers[::-1], replace(settings, workers=1), lambda: False
    )

    assert models(again).digest == models(usual).digest
    assert again.packed == usual.packed


def test_customers_with_other_steps_and_those_without_rows_take_no_part(
    usual: GlobalTraining, fleet: dict[str, str], tmp_path: Path
) -> None:
    more = {
        "a_week/data.csv": csv("W-MON", readings("W-MON", 100, 1)),
        "broken/data.csv": "nothing",
        "dies/data.csv": fleet["c01/data.csv"],
    }
    found = trained(tmp_path, fleet | more, engine=InThisProcess(frozenset({"dies"})))

    assert models(found).dates == models(usual).dates
    assert models(found).freq == "D"


def test_the_errors_of_a_model_are_those_of_its_horizon_though_a_long_history_has_a_longer_one(
    tmp_path: Path,
) -> None:
    before = np.full(24 * 20, np.nan)
    files = {
        f"c{n:02d}/data.csv": csv("h", np.concatenate((before, readings("h", 24 * 28, n)))) for n in range(12)
    }
    files["long/data.csv"] = csv("h", readings("h", 24 * 48, 99))

    newest = models(trained(tmp_path, files)).models[-1].settings

    assert newest.horizon == 48
    assert newest.plain_errors is not None
    assert newest.plain_errors.steps[-1] == 48


def test_of_equally_many_customers_the_alphabetically_first_frequency_has_the_model(tmp_path: Path) -> None:
    weekly = {f"w{n}/data.csv": csv("W-MON", readings("W-MON", 180, n)) for n in range(10)}

    assert models(trained(tmp_path, daily(10) | weekly)).freq == "D"


def test_fewer_than_ten_customers_have_no_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = trained(tmp_path, daily(9))

    assert found.settings.methods.global_models is None
    assert not found.packed
    assert (
        "9 customers have readings at equal steps of D, the most common ones, and it needs 10" in caplog.text
    )


def test_models_global_fails_with_too_few_customers_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as raised:
        trained(tmp_path, daily(9), models="global")

    assert str(raised.value) == (
        "models = global cannot be trained: 9 customers have readings at equal steps of D, the most common "
        "ones, and it needs 10; use models = auto, which does without"
    )


def test_too_few_rows_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="fewer than 500 rows"):
        trained(tmp_path, daily(10, 26), models="global")


@pytest.mark.parametrize("share", ["0", "0.0"])
def test_a_share_of_zero_trains_nothing(fleet: dict[str, str], tmp_path: Path, share: str) -> None:
    assert not trained(tmp_path, fleet, global_share=share).packed


@pytest.mark.parametrize("chosen", ["prophet", "champion", '["profile", "median"]'])
def test_other_models_train_nothing(fleet: dict[str, str], tmp_path: Path, chosen: str) -> None:
    assert not trained(tmp_path, fleet, models=chosen).packed


def test_without_xgboost_auto_does_without_and_global_names_the_extra(
    fleet: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)

    assert not trained(tmp_path / "auto", fleet).packed
    with pytest.raises(MissingExtraError, match=r"fleetcast\[global\]"):
        trained(tmp_path / "global", fleet, models="global")


def test_a_customer_with_the_name_of_the_models_archive_is_refused(
    fleet: dict[str, str], tmp_path: Path
) -> None:
    files = fleet | {f"{GLOBAL_NAME}/data.csv": fleet["c01/data.csv"]}

    with pytest.raises(InputError, match="a customer is called global_model"):
        trained(tmp_path / "a", files)
    assert not trained(tmp_path / "b", files, global_share="0").packed


@pytest.mark.parametrize("after", [0, 5, 40])
def test_a_job_that_is_to_stop_has_no_model(fleet: dict[str, str], tmp_path: Path, after: int) -> None:
    asked = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) > after

    found = trained(tmp_path, fleet, stopped=stopped)

    assert not found.packed
    assert found.settings.methods.global_models is None
    assert len(asked) < 200  # no fit went on to its last tree


def test_customers_of_a_large_fleet_are_chosen_by_their_names_alone(
    fleet: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "USUAL_CUSTOMERS", 11)
    customers, settings = prepared(tmp_path, fleet, global_rows="1000")  # of eleven customers
    digests = {
        models(with_global_models(InThisProcess(), each, settings, lambda: False)).digest
        for each in (customers, customers[::-1])
    }

    assert len(digests) == 1


def test_the_forecast_of_held_out_readings_has_no_model_that_saw_them(
    usual: GlobalTraining, fleet: dict[str, str], tmp_path: Path
) -> None:
    customers, settings = prepared(tmp_path, fleet, holdout="14")
    own = models(usual)
    wild = replace(
        own.models[1], parts={kind: _saying(1e6, part) for kind, part in own.models[1].parts.items()}
    )
    found = []
    for of_all in (own, replace(own, models=(own.models[0], wild))):
        with_models = replace(settings, methods=replace(settings.methods, global_models=of_all))
        outcome = FitCustomer(with_models, tmp_path)(customers[0])
        assert isinstance(outcome, Fitted)
        found.append(outcome.metrics["holdout"])
    without = FitCustomer(settings, tmp_path)(customers[0])

    assert found[0] == found[1]
    assert isinstance(without, Fitted)
    assert found[0] != without.metrics["holdout"]  # the earlier model took part


def _saying(value: float, part: Part) -> Part:
    features = len(part.features)
    trees = Trees.from_level_order(features=features, base_score=0, column=[2 * features], threshold=[value])
    return Part(trees, part.features)


EARLY = 150
"""Days of the customers that ended earlier."""


def planted(later: str) -> dict[str, str]:
    """Return ten customers that ended early, and ten that go on, for as long, with these readings."""
    files = daily(10, EARLY)
    for n in range(10, 20):
        y = readings("D", 2 * EARLY, n)
        if later == "answer":  # what is to come of the early ones, in the same shape
            y[EARLY:] = readings("D", 2 * EARLY, n - 10)[EARLY:]
        files[f"z{n}/data.csv"] = csv("D", y)
    return files


def test_what_came_after_a_customers_end_changes_no_forecast_of_it(tmp_path: Path) -> None:
    found: list[list[tuple[object, ...]]] = []
    digests = set()
    for later in ("usual", "answer"):
        customers, settings = prepared(tmp_path / later, planted(later), intervals="calibrated")
        own = with_global_models(InThisProcess(), customers, settings, lambda: False)
        digests.add(models(own).digest)
        assert any(date > stamps("D", EARLY)[-1] for date in models(own).dates)
        early: list[tuple[object, ...]] = []
        for customer in customers[:2]:
            outcome = FitCustomer(own.settings, tmp_path)(customer)
            assert isinstance(outcome, Fitted)
            archive = unpack(outcome.packed)
            assert archive.metadata["metrics"]["members"]["global"] == pytest.approx(0.7)
            early.append((archive.model, archive.metadata["metrics"], archive.metadata["errors"]))
        found.append(early)

    assert len(digests) == 2
    assert found[1] == found[0]


def test_the_share_of_a_date_comes_from_rows_up_to_it() -> None:
    trees = Trees.from_level_order(
        features=len(STACKED_FEATURES), base_score=0, column=[2 * len(STACKED_FEATURES)], threshold=[1.0]
    )
    dates = [100, 1_900, 2_999]
    tried: dict[tuple[Kind, int], Trees] = {("stacked", date): trees for date in dates}

    def drawn(name: str, backtest: int, end: int, right_until: int) -> DrawnRows:
        """Return a customer for which trees that always say 1 are right up to a time."""
        times = np.arange(backtest + 1, end + 1)
        x = np.zeros((times.size, len(STACKED_FEATURES)), np.float32)
        x[:, AHEAD] = 1
        target = np.where(times < right_until, 1.0, 0.0).astype(np.float32)
        return DrawnRows(
            customer=name, end=end, backtest=backtest, step=1, stacked=TrainingRows(x, target, times)
        )

    def shares(right_until: int) -> dict[int, float]:
        customers = [drawn("a", 100, 1_900, right_until), drawn("b", 1_900, 2_999, right_until)]
        return _best_shares(RowsHere.of(customers), tried, dates)

    assert shares(2_500)[100] == 0.7  # nothing is known before it
    assert shares(2_500)[1_900] == shares(1_900)[1_900] == 1.0
    assert shares(1_000)[2_999] == 0.0
