"""A customer's readings as a global model sees them."""

import numpy as np
import pytest

from fleetcast.forecasting.calendar import DAY, microseconds
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.global_model import Cycles, Series
from fleetcast.global_model.series import step_length

MINUTE = 60_000_000
HOUR = 60 * MINUTE
START = int(microseconds(["2024-01-01"])[0])


def of(freq: str, size: int = 60) -> Series | None:
    length = step_length(freq)
    assert length is not None
    times = START + length * np.arange(size)
    return Series.of(GriddedHistory.of(times, np.arange(size, dtype=float), freq), int(times[-1]), freq)


@pytest.mark.parametrize(
    ("freq", "length", "short", "long"),
    [
        ("5min", 5 * MINUTE, 288, 2016),
        ("15min", 15 * MINUTE, 96, 672),
        ("h", HOUR, 24, 168),
        ("2h", 2 * HOUR, 12, 84),
        ("D", DAY, 7, 28),
        ("W-MON", 7 * DAY, 4, 52),
        ("W", 7 * DAY, 4, 52),
    ],
)
def test_a_frequency_has_its_step_and_its_cycles(freq: str, length: int, short: int, long: int) -> None:
    found = of(freq)

    assert found is not None
    assert found.step == length
    assert found.cycles == Cycles(short, long)


def test_the_times_of_steps_end_with_that_of_the_last_reading() -> None:
    found = of("2h", 60)

    assert found is not None
    assert found.times(np.array([0, 59, 60])).tolist() == [
        START,
        START + 59 * 2 * HOUR,
        START + 60 * 2 * HOUR,
    ]


@pytest.mark.parametrize("freq", ["MS", "ME", "B", "QS"])
def test_steps_that_differ_in_length_take_no_part(freq: str) -> None:
    times = START + DAY * np.arange(400)
    history = GriddedHistory.of(times, np.ones(400), "D")

    assert Series.of(history, int(times[-1]), "D") is not None
    assert step_length(freq) is None
    assert Series.of(history, int(times[-1]), freq) is None


@pytest.mark.parametrize("freq", ["3D", "7D"])
def test_steps_without_a_season_take_no_part(freq: str) -> None:
    assert of(freq) is None


def test_without_a_history_there_is_no_series() -> None:
    assert Series.of(None, START, "h") is None


def test_a_step_without_a_reading_is_missing() -> None:
    times = START + HOUR * np.array([0, 1, 3])
    found = Series.of(GriddedHistory.of(times, np.array([1.0, 2.0, 4.0]), "h"), int(times[-1]), "h")

    assert found is not None
    np.testing.assert_equal(found.y, [1.0, 2.0, np.nan, 4.0])
