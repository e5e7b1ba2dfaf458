"""Each measure is the one of its definition, also where readings are zero or there are none."""

import math

import numpy as np
import pytest

from fleetcast.evaluation import (
    beats_seasonal_naive,
    measure,
    naive_error,
    naive_forecast,
    rows_per_season,
)
from fleetcast.evaluation.metrics import (
    interval_coverage,
    mean_absolute_error,
    mean_absolute_scaled_error,
    mean_bias,
    root_mean_squared_error,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
    winkler_score,
)

NONE = np.empty(0)
ZEROS = np.zeros(2)


def test_the_measures_are_those_of_their_formulas() -> None:
    y, yhat = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0])

    measured = measure(y, yhat, yhat - 1, yhat + 1, naive_error=2.0, probability=0.8)

    assert list(measured) == ["mae", "rmse", "smape", "wape", "bias", "coverage", "winkler", "mase"]
    assert measured == pytest.approx(
        {
            "mae": 1.0,
            "rmse": np.sqrt(5 / 3),
            "smape": 200 / 3 * (1 / 5 + 2 / 6),
            "wape": 3 / 7,
            "bias": -1 / 3,
            "coverage": 2 / 3,
            "winkler": 2 + 10 * 1 / 3,
            "mase": 0.5,
        }
    )


def test_without_rows_every_measure_is_nan_and_none_is_returned() -> None:
    values = [
        mean_absolute_error(NONE, NONE),
        root_mean_squared_error(NONE, NONE),
        symmetric_mean_absolute_percentage_error(NONE, NONE),
        weighted_absolute_percentage_error(NONE, NONE),
        mean_bias(NONE, NONE),
        interval_coverage(NONE, NONE, NONE),
        winkler_score(NONE, NONE, NONE, probability=0.8),
        mean_absolute_scaled_error(NONE, NONE, naive_error=1.0),
    ]

    assert all(map(math.isnan, values))
    assert measure(NONE, NONE, NONE, NONE, naive_error=1.0, probability=0.8) == {}


def test_smape_is_0_where_both_are_0_and_200_where_one_is() -> None:
    assert symmetric_mean_absolute_percentage_error(ZEROS, ZEROS) == 0
    assert symmetric_mean_absolute_percentage_error(ZEROS, np.array([0.0, 5.0])) == 100
    assert symmetric_mean_absolute_percentage_error(ZEROS, np.array([1e-303, 1e-303])) == 0


def test_wape_needs_one_reading_that_is_not_0() -> None:
    assert weighted_absolute_percentage_error(np.array([0.0, 4.0]), np.array([1.0, 4.0])) == 0.25
    assert weighted_absolute_percentage_error(np.array([-1.0, 1.0]), ZEROS) == 1
    assert weighted_absolute_percentage_error(ZEROS, ZEROS + 1) == math.inf
    assert "wape" not in measure(ZEROS, ZEROS, naive_error=1.0)


def test_a_forecast_that_is_too_high_has_a_bias_above_0() -> None:
    assert mean_bias(ZEROS, np.array([3.0, -1.0])) == 1


def test_the_winkler_score_is_the_width_and_a_fine_for_each_reading_outside() -> None:
    y, lower, upper = np.array([5.0, 12.0, -1.0]), np.zeros(3), np.full(3, 10.0)

    assert winkler_score(y, lower, upper, probability=0.5) == pytest.approx(10 + (2 + 1) * 4 / 3)
    assert winkler_score(y, lower, upper, probability=0.9) == pytest.approx(10 + (2 + 1) * 20 / 3)
    assert winkler_score(y[:1], upper[:1] / 2, upper[:1] / 2, probability=0.0) == 0
    assert "winkler" not in measure(y, y, lower, upper, naive_error=1.0)


def test_the_true_quantiles_have_the_smallest_winkler_score() -> None:
    y = np.random.default_rng(0).normal(size=20_000)

    scores = [winkler_score(y, 0 * y - z, 0 * y + z, probability=0.8) for z in (0.9, 1.2816, 1.7)]

    assert min(scores) == scores[1]


def test_an_equal_error_does_not_beat_the_naive_forecast() -> None:
    assert beats_seasonal_naive(0.9, 1.0)
    assert not beats_seasonal_naive(0.0, 0.0)
    assert not beats_seasonal_naive(math.nan, 1.0)


def test_mase_is_left_out_if_the_naive_forecast_has_no_error() -> None:
    assert mean_absolute_scaled_error(ZEROS, ZEROS + 1, naive_error=0.0) == math.inf
    assert math.isnan(mean_absolute_scaled_error(ZEROS, ZEROS, naive_error=0.0))
    assert "mase" not in measure(ZEROS, ZEROS + 1, naive_error=0.0)


def test_a_bound_that_equals_the_reading_covers_it() -> None:
    assert interval_coverage(np.array([0.0, 1.0, 2.0]), np.zeros(3), np.ones(3)) == pytest.approx(2 / 3)


def test_a_measure_beyond_the_range_of_floats_is_left_out() -> None:
    measured = measure(np.array([1e308]), np.array([-1e308]), naive_error=1.0)

    assert measured == {}


def test_a_season_is_a_day_of_even_steps_or_a_week_of_days() -> None:
    start = np.datetime64("2025-01-01", "us")
    hours, days = (start + np.arange(100) * np.timedelta64(1, unit) for unit in ("h", "D"))

    assert [rows_per_season(ds) for ds in (hours, days, hours[[0, 1, 5, 7]])] == [24, 7, 1]
    assert naive_error(days, np.arange(100.0)) == 7.0
    assert naive_error(days[:1], np.arange(1.0)) == 0.0


def test_the_naive_forecast_repeats_the_last_season_whatever_times_are_asked_for() -> None:
    start = np.datetime64("2025-01-01", "us")
    days = start + np.arange(21) * np.timedelta64(1, "D")
    ahead = start + np.array([21, 22, 28, 35, 41]) * np.timedelta64(1, "D")

    assert naive_forecast(days, np.arange(21.0), ahead).tolist() == [14, 15, 14, 14, 20]
    assert naive_forecast(days, np.arange(21.0), ahead - np.timedelta64(1, "h")).tolist() == [
        14,
        15,
        14,
        14,
        20,
    ]
    assert naive_forecast(days[[0, 1, 5]], np.arange(3.0), ahead).tolist() == [2] * 5


def test_the_mase_of_the_naive_forecast_of_one_season_is_its_own_error_in_units_of_the_history() -> None:
    days = np.datetime64("2025-01-01", "us") + np.arange(35) * np.timedelta64(1, "D")
    y = np.random.default_rng(0).normal(size=35)
    before = slice(0, 28)

    yhat = naive_forecast(days[before], y[before], days[28:])

    expected = np.abs(y[28:] - y[21:28]).mean() / naive_error(days[before], y[before])
    measured = measure(y[28:], yhat, naive_error=naive_error(days[before], y[before]))
    assert measured["mase"] == pytest.approx(expected)
