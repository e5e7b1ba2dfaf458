"""A customer's part of the rows that global models are trained on, from its file."""

from pathlib import Path

import numpy as np
import pytest

from fleetcast.evaluation import origins
from fleetcast.global_model import Series, stacked_rows
from tests.unit.fleetcast.global_model.fleets import CYCLES, readings, series, stamps
from tests.unit.jobs import tree
from tests.unit.train.global_training.fleets import csv
from train.channel import find_customers
from train.global_training.draw_rows import DrawnRows, DrawRows
from train.settings import TrainSettings

MOST = 400


def drawn(base: Path, content: str, **hyperparameters: str) -> DrawnRows:
    """Return the rows of one customer with this file."""
    paths = tree(base, {"c/data.csv": content}, config={}, **{"models": "auto", **hyperparameters})
    (customer,) = find_customers(paths)
    return DrawRows(TrainSettings.from_files(paths), MOST)(customer)


@pytest.mark.parametrize(("freq", "horizon"), [("h", 48), ("D", 14), ("W-MON", 13)])
def test_a_customer_has_rows_of_both_kinds_and_the_dates_of_its_end_and_first_backtest(
    tmp_path: Path, freq: str, horizon: int
) -> None:
    short, long = CYCLES[freq]
    n = 4 * long
    found = drawn(tmp_path, csv(freq, readings(freq, n, 1)))

    assert (found.freq, found.horizon, found.cycle) == (freq, horizon, short)
    assert found.end == stamps(freq, n)[-1]
    assert stamps(freq, n)[2 * short] < found.backtest < found.end - horizon * found.step
    assert found.stacked is not None
    assert found.plain is not None
    assert 0 < found.stacked.target.size <= MOST
    assert found.stacked.times.max() <= found.end


@pytest.mark.parametrize(("freq", "size"), [("h", 700), ("h", 400), ("D", 150)])
def test_the_earlier_backtest_is_the_first_that_a_search_chooses_by(
    tmp_path: Path, freq: str, size: int
) -> None:
    y = np.array([float(f"{value:.6g}") for value in readings(freq, size, 1)])
    found = drawn(tmp_path, csv(freq, y))
    places = origins(stamps(freq, size), y, freq, horizon=None, count=3)

    assert places is not None
    choosing, judging = places
    assert found.earlier_backtest == stamps(freq, size)[min(each.first for each in choosing) - 1]
    assert found.end - found.horizon * found.step == stamps(freq, size)[judging.first - 1]


def test_the_rows_are_those_of_the_readings_at_equal_steps(tmp_path: Path) -> None:
    y = np.array([float(f"{value:.6g}") for value in readings("D", 150, 1)])
    y[60:70] = np.nan
    found, again = drawn(tmp_path / "a", csv("D", y)), drawn(tmp_path / "b", csv("D", y))
    seeds = {stacked_rows(series("D", y), 14, most=MOST, seed=seed) is None for seed in (1, 2)}

    assert seeds == {False}
    assert found.stacked is not None
    assert again.stacked is not None
    np.testing.assert_array_equal(found.stacked.x, again.stacked.x)
    assert not np.isin(found.stacked.times, stamps("D", 150)[60:70]).any()


@pytest.mark.parametrize(
    "content",
    [
        "timestamp,consumption\n",
        "timestamp,consumption\n2024-01-01,5\n",
        "timestamp,consumption\n2024-01-01,5\n2024-01-02,6\n",
        "no table at all",
        "timestamp,consumption\nnever,5\n",
        csv("D", np.full(100, np.nan)),
        csv("D", readings("D", 100, 1) * 1e40),
        csv("D", np.where(np.random.default_rng(1).random(400) < 0.1, 1.0, np.nan)),
    ],
    ids=["empty", "one", "two", "no table", "no time", "no reading", "too large", "few readings"],
)
def test_a_customer_whose_readings_make_no_rows_has_none_and_is_no_error(
    tmp_path: Path, content: str
) -> None:
    found = drawn(tmp_path, content)

    assert found.customer == "c"
    assert found.stacked is None
    assert found.plain is None


@pytest.mark.parametrize("freq", ["MS", "B"])
def test_months_and_business_days_take_no_part(tmp_path: Path, freq: str) -> None:
    days = np.arange("2015-01-01", "2024-01-01", dtype="datetime64[D]")
    times = (
        days[np.is_busday(days)] if freq == "B" else np.arange("2015-01", "2024-01", dtype="datetime64[M]")
    )
    lines = [f"{time.astype('datetime64[D]')},{i % 7}" for i, time in enumerate(times)]

    assert not drawn(tmp_path, "\n".join(["timestamp,consumption", *lines])).freq


def test_what_a_regressor_adds_is_taken_out_of_the_rows(tmp_path: Path) -> None:
    y = readings("D", 200, 3)
    is_open = (np.random.default_rng(2).random(200) < 0.3).astype(float)
    plain = drawn(tmp_path / "a", csv("D", y)).stacked
    with_effect = csv("D", y + 10 * y.mean() * is_open, columns={"open": is_open})
    without = drawn(tmp_path / "b", with_effect, regressors="open").stacked
    left_in = drawn(tmp_path / "c", with_effect).stacked

    assert plain is not None
    assert without is not None
    assert left_in is not None
    assert np.abs(without.target - plain.target).mean() < 0.2 * np.abs(plain.target).mean()
    assert left_in.target.size != plain.target.size or np.abs(left_in.target - plain.target).mean() > 0.2


def test_a_series_of_one_reading_has_no_rows() -> None:
    one: Series = series("h", np.array([1.0]))

    assert stacked_rows(one, 48, most=10, seed=1) is None
