"""The combined forecast of a history: it is better than its parts, and it never sees the future."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fleetcast.evaluation import (
    COMBINED,
    CORRECTED_PROPHET,
    NAIVE,
    PROPHET,
    CombineOptions,
    combine,
    cutoffs,
    default_horizon,
)
from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.members import Seasons
from fleetcast.forecasting.one_thread import ONE_THREAD
from testbed.combined import combination, hourly

HOURLY = Seasons(24, 168)


def test_cutoffs_are_half_a_horizon_or_two_seasons_apart_and_leave_two_weeks() -> None:
    assert cutoffs(1000, 168, HOURLY) == ([832, 736, 640], 168)
    assert cutoffs(960, 48, HOURLY) == ([912, 864, 816], 48)
    assert cutoffs(960, 6, HOURLY) == ([954, 930, 906], 6)
    assert cutoffs(700, 168, HOURLY) == ([532, 460, 388], 168)
    assert cutoffs(600, 168, HOURLY) == ([432, 336, 240], 168)
    assert cutoffs(200, 28, Seasons(7, 0), count=2) == ([172, 158], 28)
    assert cutoffs(156, 13, Seasons(52, 0)) == ([143, 124, 105], 13)
    assert cutoffs(300, 13, Seasons(52, 0)) == ([287, 235, 183], 13)
    assert cutoffs(100, 20, Seasons(0, 0)) == ([80, 70, 60], 20)


def test_a_short_history_has_what_backtests_it_has_room_for() -> None:
    assert cutoffs(200, 48, HOURLY) == ([152, 128, 104], 48)
    assert cutoffs(150, 48, HOURLY) == ([102, 99, 96], 48)
    assert cutoffs(130, 48, HOURLY) == ([82, 66, 50], 48)
    assert cutoffs(96, 48, HOURLY) == ([48, 37, 26], 48)
    assert cutoffs(72, 48, HOURLY) == ([26], 46)
    assert cutoffs(40, 48, HOURLY) == ([26], 14)
    assert cutoffs(30, 3, HOURLY) == ([27, 26], 3)
    assert cutoffs(28, 14, Seasons(7, 0)) == ([14], 14)
    assert cutoffs(24, 6, Seasons(12, 0)) == ([18, 16, 14], 6)
    assert cutoffs(37, 48, HOURLY)[0] == cutoffs(19, 14, Seasons(7, 0))[0] == cutoffs(1, 1, HOURLY)[0] == []


@pytest.mark.parametrize("season", [24, 52, 96, 288])
def test_a_short_season_comes_before_every_cutoff(season: int) -> None:
    for n in range(1, 6 * season):
        for horizon in (1, season // 2, 2 * season):
            places, _ = cutoffs(n, horizon, Seasons(season, 0))
            assert all(at > season for at in places), (n, horizon)


@pytest.mark.parametrize(
    ("n", "seasons", "horizon"),
    [(1000, HOURLY, 168), (500, HOURLY, 48), (365, Seasons(7, 0), 14), (60, Seasons(12, 0), 6)],
)
def test_a_horizon_fits_the_season_and_the_length_of_a_history(
    n: int, seasons: Seasons, horizon: int
) -> None:
    assert default_horizon(n, seasons) == horizon


def test_the_combined_forecast_errs_less_than_prophet_and_the_naive_forecast() -> None:
    for seed in range(3):
        together = combination(*hourly(seed=seed))

        assert together is not None
        assert together.errors["combined"] < 0.9 * together.errors[PROPHET]
        assert together.errors["combined"] < together.errors[NAIVE]
        assert sum(together.weights.values()) == pytest.approx(1, abs=1e-9)


def test_a_week_that_repeats_is_forecast_exactly() -> None:
    stamps, _ = hourly()
    week = np.random.default_rng(0).uniform(50, 100, 168)
    y = np.resize(week, stamps.size)

    together = combination(stamps, y)

    assert together is not None
    path = together.correction.rows(np.arange(1.0, 300.0)).of(np.zeros(299))
    expected = np.resize(np.roll(week, -(stamps.size % 168)), 299)
    assert together.correction.share == 0
    assert path == pytest.approx(expected, abs=1e-3)


def test_readings_much_larger_than_their_changes_are_forecast_as_exactly_as_small_ones() -> None:
    stamps, y = hourly()
    options = CombineOptions(members=("seasonal_naive", "difference_autoregression"))

    small, large = (combination(stamps, y + offset, options=options) for offset in (0.0, 1e7))

    assert small is not None
    assert large is not None
    assert large.correction.path - 1e7 == pytest.approx(small.correction.path, abs=1e-3)
    assert large.errors["combined"] == pytest.approx(small.errors["combined"])


def test_the_shares_of_prophet_and_of_the_others_are_1_together() -> None:
    stamps, y = hourly()

    together = combination(stamps, y, options=CombineOptions(members=(PROPHET, "seasonal_naive")))

    assert together is not None
    assert 0 < together.weights[PROPHET] < 1
    assert together.correction.share + together.weights["seasonal_naive"] == pytest.approx(1, abs=1e-11)


def test_the_only_method_has_the_error_of_the_combined_forecast_where_readings_are_double() -> None:
    stamps, y = hourly()
    generator = np.random.default_rng(1)
    double = np.sort(np.r_[np.arange(y.size), generator.integers(0, y.size, 300)])

    together = combination(
        stamps[double],
        y[double] + generator.normal(0, 5, double.size),
        options=CombineOptions(members=(NAIVE,)),
    )

    assert together is not None
    assert together.errors["combined"] == pytest.approx(together.errors[NAIVE])
    assert together.beats_seasonal_naive is False


@pytest.mark.parametrize("factor", [1e-9, 1e12])
def test_the_unit_of_the_readings_does_not_matter_where_a_meter_stood_still_at_first(factor: float) -> None:
    stamps, y = hourly(1008)
    y[: 1008 - 24] = 0.0
    options = CombineOptions(members=(NAIVE, "profile", "difference_autoregression"), horizon=24)

    plain, scaled = combination(stamps, y, options=options), combination(stamps, factor * y, options=options)

    assert plain is not None
    assert scaled is not None
    assert scaled.errors == pytest.approx(plain.errors)
    assert scaled.weights == pytest.approx(plain.weights)
    assert 0 < plain.errors[NAIVE] < 50  # the only day that is not 0 is a day of 42


def test_a_few_readings_that_happen_to_repeat_are_no_unit_of_errors() -> None:
    stamps, y = hourly(40)
    y[24:26] = y[:2] + 0.01  # all of the readings before the cut-off that have one a day before

    together = combination(stamps, y, options=CombineOptions(members=(NAIVE,)))

    assert together is not None
    assert together.cutoffs == 1
    assert together.errors[NAIVE] < 3


def test_what_follows_a_cutoff_changes_no_forecast_from_it() -> None:
    stamps, y = hourly()
    options = CombineOptions(cutoffs=1, horizon=48)
    cut = len(y) - 48
    changed = y.copy()
    changed[cut:] += 1e3  # the errors of all methods grow by the same, as none of them has seen it
    shift = np.ones(48) * 1e3

    before, after = combination(stamps, y, options=options), combination(stamps, changed, options=options)

    assert before is not None
    assert after is not None
    scale = np.abs(y[24:cut] - y[: cut - 24]).mean()
    for name in before.errors.keys() - {"combined"}:
        assert after.errors[name] * scale == pytest.approx(shift.mean(), rel=0.05), name


def test_one_method_alone_forecasts_where_that_is_asked_for() -> None:
    together = combination(*hourly(), options=CombineOptions(one_only=True))

    assert together is not None
    assert list(together.weights.values()) == [1.0]
    best = min(together.errors, key=lambda name: together.errors[name] + (name == "combined"))
    assert list(together.weights) == [best]


def test_prophet_is_kept_unless_another_method_is_better_by_the_margin() -> None:
    together = combination(*hourly(), options=CombineOptions(one_only=True, margin=0.99))

    assert together is not None
    assert together.weights == {PROPHET: 1.0}
    assert together.correction.share == 1.0
    assert not together.correction.path.any()


DAYS = (np.datetime64("2024-01-01", "us") + np.arange(110) * np.timedelta64(1, "D")).view(np.int64)
SIMPLE = ("seasonal_naive", "profile", "median", "autoregression")


def test_the_metric_decides_which_method_is_the_best() -> None:
    differ = 0
    for seed in range(30):
        generator = np.random.default_rng(seed)
        y = 100 + generator.normal(0, 1, 110)
        y[60:] += generator.normal(0, 50, 50)  # so that the naive error differs between the cut-offs
        best = {}
        for metric in ("mase", "wape"):
            options = CombineOptions(members=SIMPLE, one_only=True, metric=metric, horizon=40)
            together = combination(DAYS, y, "D", options=options)
            assert together is not None
            (best[metric],) = together.weights
        single = {}
        for name in SIMPLE:
            options = CombineOptions(members=(name,), horizon=40)
            single[name] = combination(DAYS, y, "D", options=options)
        assert best["mase"] == min(SIMPLE, key=lambda name: single[name].errors[COMBINED])
        assert best["wape"] == min(SIMPLE, key=lambda name: single[name].wape)
        differ += best["mase"] != best["wape"]

    assert differ > 0


def test_readings_of_zero_can_be_weighed_by_wape() -> None:
    y = np.concatenate((np.random.default_rng(0).normal(5, 1, 50), np.zeros(60)))

    for is_champion in (False, True):
        options = CombineOptions(members=SIMPLE, metric="wape", one_only=is_champion, horizon=14)
        together = combination(DAYS, y, "D", options=options)
        assert together is not None
        assert sum(together.weights.values()) == pytest.approx(1)
        assert not np.isfinite(together.wape)


def test_a_forecast_that_is_always_too_high_has_that_bias_and_wape() -> None:
    y = np.concatenate((np.full(96, 100.0), np.full(14, 80.0)))
    options = CombineOptions(members=("seasonal_naive",), cutoffs=1, horizon=14)

    together = combination(DAYS, y, "D", options=options)

    assert together is not None
    assert together.bias == pytest.approx(20)
    assert together.wape == pytest.approx(0.25)
    assert together.beats_seasonal_naive is False


def test_forecasts_are_measured_as_they_are_served() -> None:
    y = np.concatenate((np.linspace(200, 1, 96), np.zeros(14))) + np.random.default_rng(0).uniform(size=110)
    options = CombineOptions(members=(PROPHET,), cutoffs=1, horizon=14)  # whose trend goes on below 0

    free = combination(DAYS, y, "D", options=options)
    floored = combination(DAYS, y, "D", options=replace(options, floor=0.0))

    assert free is not None
    assert floored is not None
    assert free.bias < floored.bias
    assert floored.errors[COMBINED] < free.errors[COMBINED]
    assert floored.errors[COMBINED] == floored.errors[PROPHET]
    assert floored.correction.path.tolist() == free.correction.path.tolist()


def test_the_coverage_of_intervals_needs_a_second_cutoff() -> None:
    several = combination(*hourly())
    single = combination(*hourly(), options=CombineOptions(cutoffs=1))
    without = combination(*hourly(), options=CombineOptions(calibrate=False))

    assert several is not None
    assert single is not None
    assert without is not None
    assert several.coverage[0.5] < several.coverage[0.8] < several.coverage[0.95]
    assert single.coverage == {}
    assert single.calibration is not None
    assert without.coverage == {}
    assert without.calibration is None


def test_with_a_single_backtest_each_half_of_its_steps_is_forecast_as_the_other_half_would_choose() -> None:
    weeks = np.random.default_rng(0).uniform(40, 60, (12, 7))
    usual = np.median(weeks[3:10], axis=0)  # the last seven weeks before the cut-off
    y = np.concatenate((weeks[:10].ravel(), weeks[9], usual))
    options = CombineOptions(members=("seasonal_naive", "median"), cutoffs=1, horizon=14, one_only=True)

    together = combination(DAYS[: y.size], y, "D", options=options)

    assert together is not None
    errors = together.errors
    assert errors["combined"] == pytest.approx(errors["seasonal_naive"] + errors["median"])


def test_only_the_methods_that_are_asked_for_take_part() -> None:
    together = combination(*hourly(), options=CombineOptions(members=(CORRECTED_PROPHET,)))

    assert together is not None
    assert together.weights == {CORRECTED_PROPHET: 1.0}
    assert together.correction.share == 1.0
    assert together.correction.path.any()


@pytest.mark.parametrize(
    ("freq", "periods"), [("5min", 2500), ("D", 200), ("B", 150), ("W-MON", 130), ("MS", 72), ("3h", 600)]
)
def test_readings_of_any_frequency_are_combined(freq: str, periods: int) -> None:
    ds = pd.date_range("2020-01-06", periods=periods, freq=freq)
    y = 50 + np.random.default_rng(0).normal(size=periods)

    together = combination(microseconds(ds.to_numpy()), y, freq)

    assert together is not None
    assert np.isfinite(together.correction.path).all()


def test_gaps_are_no_obstacle() -> None:
    stamps, y = hourly()
    present = np.random.default_rng(0).uniform(size=y.size) < 0.8

    together = combination(stamps[present], y[present])

    assert together is not None
    assert together.errors["combined"] < together.errors[PROPHET]


def test_a_month_without_readings_before_a_cutoff_is_no_obstacle() -> None:
    stamps, y = hourly(2400)
    present = np.ones(2400, np.bool_)
    present[2400 - 168 - 720 : 2400 - 168] = False

    assert combination(stamps[present], y[present], options=CombineOptions(horizon=168)) is not None


def test_where_prophets_model_cannot_be_fitted_before_a_cutoff_nothing_is_compared() -> None:
    stamps, y = hourly()

    assert combine(stamps, y, "h", lambda _: None, CombineOptions()) is None


def test_linear_algebra_has_one_thread_so_that_weights_do_not_depend_on_the_processors() -> None:
    threads = ONE_THREAD._threads  # noqa: SLF001 - NumPy of the tests is linked with OpenBLAS
    assert threads is not None
    before, inside = threads.get(), set()

    def fit_before(_: int) -> None:
        inside.add(threads.get())

    threads.set(2)
    try:
        combine(*hourly(), "h", fit_before, CombineOptions())
        after = threads.get()
    finally:
        threads.set(before)

    assert inside == {1}
    assert after == 2


def test_the_path_has_twice_the_horizon_and_a_week_of_hours_at_least() -> None:
    stamps, y = hourly()

    lengths = [
        together.correction.path.size
        for horizon in (3, 48, 120)
        if (together := combination(stamps, y, options=CombineOptions(horizon=horizon))) is not None
    ]

    assert lengths == [168, 168, 240]


def test_a_history_too_short_for_a_backtest_is_not_combined() -> None:
    stamps, y = hourly()

    assert combination(stamps[:36], y[:36]) is None
    assert combination(stamps[:40], y[:40]) is not None


def test_the_same_history_gives_the_same_combination() -> None:
    first, second = combination(*hourly()), combination(*hourly())

    assert first is not None
    assert second is not None
    assert first.weights == second.weights
    assert first.correction.path.tobytes() == second.correction.path.tobytes()
