"""Each measure is the one of its definition, also where readings are zero or there are none."""

import math

import numpy as np
import pytest

from fleetcast.evaluation import measure, naive_error, rows_per_season
from fleetcast.evaluation.metrics import (
    interval_coverage,
    mean_absolute_error,
    mean_absolute_scaled_error,
    root_mean_squared_error,
    symmetric_mean_absolute_percentage_error,
)

NONE = np.empty(0)
ZEROS = np.zeros(2)


def test_the_measures_are_those_of_their_formulas() -> None:
    y, yhat = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0])

    measured = measure(y, yhat, yhat - 1, yhat + 1, naive_error=2.0)

    assert list(measured) == ["mae", "rmse", "smape", "coverage", "mase"]
    assert measured == pytest.approx(
        {
            "mae": 1.0,
            "rmse": np.sqrt(5 / 3),
            "smape": 200 / 3 * (1 / 5 + 2 / 6),
            "coverage": 2 / 3,
            "mase": 0.5,
        }
    )


def test_without_rows_every_measure_is_nan_and_none_is_returned() -> None:
    values = [
        mean_absolute_error(NONE, NONE),
        root_mean_squared_error(NONE, NONE),
        symmetric_mean_absolute_percentage_error(NONE, NONE),
        interval_coverage(NONE, NONE, NONE),
        mean_absolute_scaled_error(NONE, NONE, naive_error=1.0),
    ]

    assert all(map(math.isnan, values))
    assert measure(NONE, NONE, NONE, NONE, naive_error=1.0) == {}


def test_smape_is_0_where_both_are_0_and_200_where_one_is() -> None:
    assert symmetric_mean_absolute_percentage_error(ZEROS, ZEROS) == 0
    assert symmetric_mean_absolute_percentage_error(ZEROS, np.array([0.0, 5.0])) == 100
    assert symmetric_mean_absolute_percentage_error(ZEROS, np.array([1e-303, 1e-303])) == 0


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
