"""The geometry of the report's pictures stays inside the image, whatever the numbers are."""

import numpy as np
import pytest

from train.report.pictures import (
    SQUARE,
    WIDE,
    forecast_picture,
    histogram,
    ratio_histogram,
    reliability_diagram,
    short,
)
from train.report.series import Series


@pytest.mark.parametrize("values", [[0.0], [0.5], [0.1, 0.2, 100.0], [1e-300, 1.0], [0.0, 1e300]])
def test_the_bars_of_a_histogram_count_every_value_and_stay_inside(values: list[float]) -> None:
    drawn = histogram(values)

    assert all(bar.x >= WIDE.left and bar.x + bar.width <= WIDE.right for bar in drawn.bars)
    assert all(
        bar.y >= WIDE.top - 1e-9 and bar.y + bar.height == pytest.approx(WIDE.bottom) for bar in drawn.bars
    )
    tallest = max(bar.height for bar in drawn.bars)
    assert tallest == pytest.approx(WIDE.bottom - WIDE.top)


def test_the_value_1_divides_the_bars_of_a_histogram_where_it_is_in_the_picture() -> None:
    inside, beyond = histogram([0.5, 2.0, *[2.0] * 99]), histogram([0.1, 0.5])

    assert inside.one == pytest.approx((WIDE.left + WIDE.right) / 2)
    assert beyond.one is None


def test_ratios_are_drawn_from_0_to_2_with_a_last_bar_for_all_above() -> None:
    drawn = ratio_histogram({19: 3, 20: 1, 40: 2})

    tall = [(bar.x, bar.height) for bar in drawn.bars if bar.height]
    better, worse, above = tall
    assert drawn.one is not None
    assert better[0] < drawn.one <= worse[0] + 1e-9
    assert [height / better[1] for _, height in tall] == pytest.approx([1, 1 / 3, 2 / 3])
    assert above[0] == max(bar.x for bar in drawn.bars)
    assert [label.text for label in drawn.below] == ["0", "0.5", "1", "1.5", "2+"]


def test_honest_intervals_lie_on_the_diagonal_of_the_square_and_narrow_ones_below() -> None:
    drawn = reliability_diagram({0.5: 0.5, 0.8: 0.6})

    (x, y), (right, low) = drawn.points
    assert x - SQUARE.left == pytest.approx(SQUARE.bottom - y)
    assert right - SQUARE.left > SQUARE.bottom - low
    assert SQUARE.right - SQUARE.left == SQUARE.bottom - SQUARE.top


def test_readings_and_forecast_share_one_scale() -> None:
    times = np.datetime64("2025-01-01", "us") + np.arange(4) * np.timedelta64(1, "D")
    yhat = np.array([1.0, 2.0, 3.0, 4.0])

    drawn = forecast_picture(Series(times[:2], np.array([0.0, 2.0]), times, yhat, yhat - 1, yhat + 6))

    points = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
    assert drawn.dots[0] == (WIDE.left, WIDE.bottom)
    assert drawn.dots[1] == pytest.approx(points[1], abs=0.1)
    assert points[-1][0] == WIDE.right
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
