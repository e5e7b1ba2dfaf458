"""The seasonal naive forecast: the last season goes on, and the interval is that of its own errors."""

from typing import Any

import numpy as np
import pytest

from fleetcast.errors import HistoryError
from fleetcast.forecasting import ForecastOptions, dumps, forecast, loads
from fleetcast.readings.customer import Readings
from train.customer.naive import naive


def history(y: Any, step: str = "D") -> Readings:
    values = np.asarray(y, dtype=np.float64)
    ds = np.datetime64("2025-01-01", "us") + np.arange(values.size) * np.timedelta64(1, step)
    return Readings(ds, values)


def width(readings: Readings) -> float:
    table = forecast(naive(readings), ForecastOptions(1, "D"))
    return float(table["yhat_upper"][0] - table["yhat_lower"][0])


@pytest.mark.parametrize(("step", "rows", "alias"), [("D", 7, "D"), ("h", 24, "h")])
def test_the_last_season_is_repeated(step: str, rows: int, alias: str) -> None:
    y = np.random.default_rng(0).normal(50, 5, 10 * rows)

    model = loads(dumps(naive(history(y, step))))

    assert forecast(model, ForecastOptions(rows, alias))["yhat"] == pytest.approx(y[-rows:], abs=1e-6)


def test_without_a_season_the_last_reading_goes_on() -> None:
    assert forecast(naive(history([1, 5, 2])), ForecastOptions(3, "D"))["yhat"] == pytest.approx([2, 2, 2])


def test_the_interval_covers_its_own_errors_as_often_as_it_says() -> None:
    y = np.random.default_rng(2).normal(50, 3, 2_000)

    covered = np.abs(y[7:] - y[:-7]) <= width(history(y)) / 2

    assert covered.mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("y", [[1, 5], [1, 5, 2], np.tile([1, 5, 2, 8, 3, 9, 4], 6), [0, 0, 0, 1]])
def test_readings_that_differ_have_an_interval_with_a_width(y: Any) -> None:
    assert width(history(y)) > 0.1


def test_constant_readings_have_none() -> None:
    assert width(history([5, 5, 5])) == pytest.approx(0, abs=1e-6)


def test_one_reading_and_equal_times_are_a_level() -> None:
    twice = Readings(np.array(["2025-01-01", "2025-01-01"], "datetime64[us]"), np.array([3.0, 4.0]))

    assert forecast(naive(history([5])), ForecastOptions(1, "D"))["yhat"] == pytest.approx([5])
    assert forecast(naive(twice), ForecastOptions(1, "D"))["yhat"] == pytest.approx([4])


def test_no_reading_is_an_error() -> None:
    with pytest.raises(HistoryError, match="no reading is a number"):
        naive(history([np.nan, np.nan]))
