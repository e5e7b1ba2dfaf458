"""Weights of several methods: fair, positive and from the rows that count alone."""

import numpy as np
import pytest

from fleetcast.evaluation import best_weights
from fleetcast.forecasting.arrays import Vector


def weights(forecasts: list[Vector], y: Vector, *, favour: list[float] | None = None) -> Vector:
    matrix = np.array(forecasts)
    factors = np.array(favour or [1.0] * len(forecasts))
    return best_weights(matrix, y, factors, np.ones((1, y.size), np.bool_))[0]


Y = np.random.default_rng(0).normal(10, 1, 300)


def test_the_weights_are_shares() -> None:
    found = weights([Y + 1, Y - 2, Y * 0], Y)

    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)


def test_a_better_method_weighs_more() -> None:
    noise = np.random.default_rng(1).normal(size=(3, 300))

    good, middling, bad = weights([Y + 0.1 * noise[0], Y + 0.3 * noise[1], Y + 10 * noise[2]], Y)

    assert good > middling >= bad


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12])
def test_a_method_that_is_far_off_has_no_weight_however_far(size: float) -> None:
    noise = np.random.default_rng(1).normal(size=(2, 300)) * 1e-3

    found = weights([Y + noise[0], Y + noise[1], Y - size, Y + size], Y)

    assert found[:2].sum() == pytest.approx(1)


def test_errors_that_cancel_are_used() -> None:
    above, below, noisy = weights([Y + 1, Y - 1, Y + np.random.default_rng(1).normal(size=300)], Y)

    assert above == pytest.approx(below, abs=0.1)
    assert above + below > noisy


def test_an_exact_method_has_all_the_weight() -> None:
    assert weights([Y + 1, Y.copy(), Y - 1], Y).tolist() == [0.0, 1.0, 0.0]


def test_methods_alike_share_the_weight_as_they_are_favoured() -> None:
    assert weights([Y + 1, Y + 1], Y, favour=[3.0, 1.0]) == pytest.approx([0.75, 0.25])


def test_rows_that_do_not_count_change_nothing() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 300))
    forecasts = Y + noise * [[1.0], [2.0]]
    counts = np.arange(300) < np.array([[300], [150]])

    both = best_weights(forecasts, Y, np.ones(2), counts)
    changed = np.where(counts[1], forecasts, 1e6)

    assert best_weights(changed, Y, np.ones(2), counts[1:])[0] == pytest.approx(both[1], rel=1e-9)
