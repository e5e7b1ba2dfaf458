"""The part of other methods in a forecast, step by step, and intervals from backtests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.members import Calibration, Correction, steps_ahead

CORRECTION = Correction(0.25, np.array([10.0, 20.0, 30.0, 40.0]))
CALIBRATION = Calibration(
    steps=np.array([24.0, 48.0]),
    scales=np.array([2.0, 3.0]),
    coverages=np.array([0.0, 0.8, 1.0]),
    lower=np.array([0.0, -1.0, -4.0]),
    upper=np.array([0.0, 2.0, 5.0]),
)


def corrected(*ahead: float) -> list[float]:
    steps = np.array(ahead)
    return CORRECTION.rows(steps).of(np.full(steps.size, 8.0)).tolist()


def test_each_step_has_its_part_of_the_model_and_of_the_path() -> None:
    assert corrected(1, 2, 3, 4) == [12.0, 22.0, 32.0, 42.0]


def test_rows_of_the_history_keep_the_forecast_of_the_model() -> None:
    assert corrected(-3, 0, 1) == [8.0, 8.0, 12.0]


def test_between_two_steps_the_path_is_a_straight_line() -> None:
    assert corrected(0.5, 1.5, 2.25) == [12.0, 17.0, 24.5]


def test_after_the_end_of_the_path_the_model_forecasts_alone() -> None:
    assert corrected(4, 4.5, 5, 1000) == [42.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("freq", "later"), [("MS", "2024-03-02"), ("QE", "2024-05-01"), ("B", "2024-03-01T06")]
)
def test_a_time_after_the_last_reading_is_ahead_within_its_step_too(freq: str, later: str) -> None:
    origin, stamp = microseconds([{"QE": "2024-04-30"}.get(freq, "2024-03-01"), later])

    ahead = steps_ahead(int(origin), np.array([origin, stamp]), freq)

    assert ahead[0] == 0
    assert 0 < ahead[1] <= 1


def test_a_quantile_is_a_multiple_of_the_error_so_many_steps_ahead() -> None:
    ahead = np.array([1.0, 24.0, 25.0, 500.0])

    assert CALIBRATION.offsets(ahead, 0.9).tolist() == pytest.approx([4.0, 4.0, 6.0, 6.0])
    assert CALIBRATION.offsets(ahead, 0.1).tolist() == pytest.approx([-2.0, -2.0, -3.0, -3.0])
    assert CALIBRATION.offsets(ahead, 0.5).tolist() == [0.0] * 4


@given(st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), min_size=2, max_size=9))
def test_quantiles_rise_with_their_probability(probabilities: list[float]) -> None:
    ahead = np.array([1.0, 30.0])

    rows = [CALIBRATION.offsets(ahead, share) for share in sorted(probabilities)]

    assert (np.diff(rows, axis=0) >= 0).all()
