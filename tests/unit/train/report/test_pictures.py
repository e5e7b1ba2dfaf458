"""The geometry of the report's pictures stays inside the image, whatever the numbers are."""

import numpy as np
import pytest

from train.report.pictures import BOTTOM, LEFT, RIGHT, TOP, forecast_picture, histogram, short
from train.report.series import Series


@pytest.mark.parametrize("values", [[0.0], [0.5], [0.1, 0.2, 100.0], [1e-300, 1.0], [0.0, 1e300]])
def test_the_bars_of_a_histogram_count_every_value_and_stay_inside(values: list[float]) -> None:
    drawn = histogram(values)

    assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT for bar in drawn.bars)
    assert all(bar.y >= TOP - 1e-9 and bar.y + bar.height == pytest.approx(BOTTOM) for bar in drawn.bars)
    tallest = max(bar.height for bar in drawn.bars)
    assert tallest == pytest.approx(BOTTOM - TOP)


def test_readings_and_forecast_share_one_scale() -> None:
    times = np.datetime64("2025-01-01", "us") + np.arange(4) * np.timedelta64(1, "D")
    yhat = np.array([1.0, 2.0, 3.0, 4.0])

    drawn = forecast_picture(Series(times[:2], np.array([0.0, 2.0]), times, yhat, yhat - 1, yhat + 6))

    points = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
    assert drawn.dots[0] == (LEFT, BOTTOM)
    assert drawn.dots[1] == pytest.approx(points[1], abs=0.1)
    assert points[-1][0] == RIGHT
    assert [label.text for label in drawn.beside] == ["0", "10"]
    assert [label.text for label in drawn.below] == ["2025-01-01", "2025-01-02"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12.345, "12.3"),
        (-999.4, "-999"),
        (1234, "1.23k"),
        (-2.5e6, "-2.5M"),
        (3e9, "3G"),
        (1e15, "1e+15"),
    ],
)
def test_a_number_beside_a_picture_is_short(value: float, text: str) -> None:
    assert short(value) == text
