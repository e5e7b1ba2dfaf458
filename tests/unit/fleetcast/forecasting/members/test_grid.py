"""A history on its own steps: gaps, duplicates, seasons and the distance of other timestamps."""

import numpy as np
import pandas as pd
import pytest

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import microseconds, parse_frequency
from fleetcast.forecasting.members.grid import MOST_STEPS, GriddedHistory
from fleetcast.forecasting.members.steps import Seasons, seasons_of, steps_after


def gridded(ds: pd.DatetimeIndex, y: Vector, freq: str) -> GriddedHistory:
    history = GriddedHistory.of(microseconds(ds.to_numpy()), y, freq)
    assert history is not None
    return history


@pytest.mark.parametrize(
    ("freq", "seasons"),
    [
        ("5min", Seasons(288, 2016)),
        ("h", Seasons(24, 168)),
        ("3h", Seasons(8, 56)),
        ("7h", Seasons(24, 0)),
        ("12h", Seasons(14, 0)),
        ("D", Seasons(7, 0)),
        ("B", Seasons(5, 0)),
        ("W-MON", Seasons(52, 0)),
        ("MS", Seasons(12, 0)),
        ("QE", Seasons(4, 0)),
        ("YS", Seasons(0, 0)),
    ],
)
def test_each_frequency_has_its_seasons(freq: str, seasons: Seasons) -> None:
    assert seasons_of(parse_frequency(freq)) == seasons


@pytest.mark.parametrize("freq", ["5min", "h", "D", "B", "W-MON", "2W-SUN", "MS", "ME", "QS", "YE"])
def test_every_timestamp_of_a_frequency_is_one_step_after_the_one_before(freq: str) -> None:
    stamps = microseconds(pd.date_range("2023-01-31", periods=40, freq=freq).to_numpy())

    steps = steps_after(int(stamps[9]), stamps, parse_frequency(freq))

    assert (steps == np.arange(40) - 9).all()


def test_a_time_between_two_hours_is_a_fraction_of_a_step() -> None:
    origin, between = microseconds(["2024-03-01T10:00", "2024-03-01T12:15"])

    assert steps_after(int(origin), np.array([between]), parse_frequency("h")).tolist() == [2.25]


@pytest.mark.parametrize("late", [-0.55, -0.5, -0.4, 0, 0.4, 0.5, 0.55])
def test_no_two_uneven_readings_share_a_step_however_late_the_last_one_is(late: float) -> None:
    ds = pd.date_range("2024-01-01", periods=3000, freq="15min")
    share = np.random.default_rng(0).uniform(-0.05, 0.05, len(ds))
    share[-1] = late

    history = gridded(ds + pd.to_timedelta(share * 900, "s"), np.arange(3000.0), "15min")

    assert np.unique(history.place[:-1]).size == 2999


def test_a_gap_has_the_mean_of_the_days_around_it() -> None:
    ds = pd.date_range("2024-01-01", periods=24 * 5, freq="h")
    y = np.repeat(np.arange(5.0), 24)
    present = np.ones(len(ds), np.bool_)
    present[50:53] = False

    history = gridded(ds[present], y[present], "h")

    assert np.isnan(history.y[50:53]).all()
    assert (history.grid().y[50:53] == [2.0, 2.0, 2.0]).all()


def test_a_gap_is_filled_from_before_the_end_alone() -> None:
    ds = pd.date_range("2024-01-01", periods=24 * 5, freq="h")
    present = np.ones(len(ds), np.bool_)
    present[50:53] = False

    def filled(later: float) -> Vector:
        y = np.where(np.arange(len(ds)) < 60, 1.0, later)
        return gridded(ds[present], y[present], "h").grid(60).y

    assert (filled(5.0) == filled(-700.0)).all()


def test_several_readings_of_one_step_count_with_their_mean() -> None:
    ds = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"])

    assert gridded(ds, np.array([1.0, 2.0, 4.0, 5.0]), "D").y.tolist() == [1.0, 3.0, 5.0]


def test_daily_readings_at_changing_clocks_stand_on_their_days() -> None:
    ds = pd.DatetimeIndex(["2024-03-29T23:00", "2024-03-30T23:00", "2024-03-31T22:00", "2024-04-01T22:00"])

    assert gridded(ds, np.arange(4.0), "D").y.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_history_of_gaps_has_no_grid() -> None:
    ds = microseconds(pd.date_range("2024-01-01", periods=10, freq="3h").to_numpy())

    assert GriddedHistory.of(ds, np.ones(10), "h") is None
    assert GriddedHistory.of(ds, np.full(10, np.nan), "3h") is None


def test_a_very_long_history_is_cut_at_its_beginning() -> None:
    ds = microseconds(np.arange(60_000).astype("datetime64[m]"))

    history = GriddedHistory.of(ds, np.arange(60_000.0), "min")

    assert history is not None
    assert history.y.size == 26 * 2016
    assert history.y[-1] == 59_999
    assert history.place[-1] == history.y.size - 1


def test_effects_are_taken_from_the_readings_of_the_first_rows() -> None:
    times = ["2024-01-01T00", "2024-01-02T00", "2024-01-02T01", "2024-01-04T00", "2024-01-05T00"]
    ds = pd.DatetimeIndex(np.array(times, "datetime64[us]"))
    history = gridded(ds, np.array([10.0, 20.0, 30.0, 40.0, 50.0]), "D")

    without = history.without(np.array([1.0, 2.0, 4.0, 5.0]))

    assert without.y == pytest.approx([9, 22, np.nan, 35, 50], nan_ok=True)
    assert (without.place == history.place).all()


def test_effects_on_rows_before_the_first_step_change_nothing() -> None:
    stamps = microseconds(pd.date_range("2024-01-01", periods=MOST_STEPS + 2, freq="5min").to_numpy())
    history = GriddedHistory.of(stamps, np.ones(stamps.size), "5min")
    assert history is not None

    without = history.without(np.array([7.0, 7.0, 0.25]))

    assert without.y[:2].tolist() == [0.75, 1.0]
