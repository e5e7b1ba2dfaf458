"""The coverage that a customer is told: of each backtest by the intervals that the others made."""

import numpy as np
import pytest

from fleetcast.evaluation import PROBABILITIES
from fleetcast.evaluation.reliability import held_out_coverage


def test_errors_alike_are_covered_about_as_promised() -> None:
    generator = np.random.default_rng(0)

    shares = [list(held_out_coverage(generator.normal(size=(3, 168)), 24).values()) for _ in range(40)]

    assert np.mean(shares, axis=0) == pytest.approx(PROBABILITIES, abs=0.03)


def test_a_backtest_has_no_part_in_the_intervals_that_judge_it() -> None:
    errors = np.random.default_rng(0).normal(size=(2, 168))
    errors[0] *= 100

    covered = held_out_coverage(errors, 24)

    assert covered[0.8] == pytest.approx(0.5, abs=0.02)  # all of the small errors, and next to no large one


def test_a_single_backtest_and_too_few_errors_say_nothing_about_coverage() -> None:
    assert held_out_coverage(np.ones((1, 168)), 24) == {}
    assert held_out_coverage(np.ones((3, 3)), 24) == {}
    assert held_out_coverage(np.zeros((3, 168)), 24) == {}


def test_steps_without_a_reading_are_neither_inside_nor_outside() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 168))
    gaps = errors.copy()
    gaps[:, 80:] = np.nan

    assert held_out_coverage(gaps, 24)[0.8] == pytest.approx(
        held_out_coverage(errors[:, :80], 24)[0.8], abs=0.05
    )
