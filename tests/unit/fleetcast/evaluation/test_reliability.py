"""The coverage of the readings of each backtest by the intervals that the other backtests made."""

import numpy as np
import pytest

from fleetcast.evaluation import PROBABILITIES
from fleetcast.evaluation.reliability import held_out_coverage
from fleetcast.forecasting.arrays import Matrix


def covered(errors: Matrix, *, least: float = -np.inf) -> dict[float, float]:
    return held_out_coverage(errors, 24, least=np.full(errors.shape, least))


def test_errors_alike_are_covered_about_as_promised() -> None:
    generator = np.random.default_rng(0)

    shares = [list(covered(generator.normal(size=(3, 168))).values()) for _ in range(40)]

    assert np.mean(shares, axis=0) == pytest.approx(PROBABILITIES, abs=0.03)


def test_a_backtest_has_no_part_in_the_intervals_that_judge_it() -> None:
    errors = np.random.default_rng(0).normal(size=(2, 168))
    errors[0] *= 100

    shares = covered(errors)

    assert shares[0.8] == pytest.approx(0.5, abs=0.02)  # all of the small errors, and next to no large one


def test_a_single_backtest_and_too_few_errors_say_nothing_about_coverage() -> None:
    assert covered(np.ones((1, 168))) == {}
    assert covered(np.ones((3, 3))) == {}
    assert covered(np.zeros((3, 168))) == {}


def test_steps_without_a_reading_are_neither_inside_nor_outside() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 168))
    gaps = errors.copy()
    gaps[:, 80:] = np.nan

    assert covered(gaps)[0.8] == pytest.approx(covered(errors[:, :80])[0.8], abs=0.05)


def test_a_bound_is_judged_as_it_is_served() -> None:
    errors = np.random.default_rng(0).normal(size=(2, 168))
    errors[0] = 50.0  # readings of 0 where the forecast is -50, which is served as 0
    least = np.full(errors.shape, -np.inf)
    plain = held_out_coverage(errors, 24, least=least)
    least[0] = 50.0

    served = held_out_coverage(errors, 24, least=least)

    assert plain[0.5] == pytest.approx(0.5)  # all errors of the second, none of the first
    assert served[0.5] == 1.0
