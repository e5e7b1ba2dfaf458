"""Intervals from errors: they cover what they promise, widen with it, and lean to the side that errs more."""

import numpy as np
import pytest

from fleetcast.evaluation import calibrated
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import Calibration


def of(errors: Vector, group_steps: int = 24) -> Calibration:
    calibration = calibrated(errors, group_steps)
    assert calibration is not None
    return calibration


def covered(calibration: Calibration, errors: Vector, coverage: float) -> float:
    ahead = np.arange(1.0, errors.shape[1] + 1)
    lower = calibration.offsets(ahead, (1 - coverage) / 2)
    upper = calibration.offsets(ahead, (1 + coverage) / 2)
    return float(((lower <= errors) & (errors <= upper)).mean())


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", ["normal", "skewed", "lasting"])
def test_new_errors_of_the_same_kind_are_covered_as_promised(coverage: float, kind: str) -> None:
    generator = np.random.default_rng(0)
    shares = []
    for _ in range(60):
        errors = generator.normal(size=(13, 168)) * np.linspace(1, 3, 168)
        if kind == "skewed":
            errors = generator.gamma(1.0, size=(13, 168)) - 1
        if kind == "lasting":
            for step in range(1, 168):
                errors[:, step] += 0.9 * errors[:, step - 1]
        shares.append(covered(of(errors[:3]), errors[3:], coverage))

    assert coverage - 0.06 <= np.mean(shares) <= coverage + 0.1


def test_errors_that_share_a_level_count_as_few() -> None:
    generator = np.random.default_rng(0)
    shares = []
    for _ in range(100):
        errors = generator.normal(size=(13, 168)) + generator.normal(size=(13, 1))
        shares.append(covered(of(errors[:3]), errors[3:], 0.8))

    assert 0.79 <= np.mean(shares) <= 0.84


def test_intervals_widen_with_coverage_and_with_the_steps_ahead() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 168)) * np.linspace(3, 1, 168)

    calibration = of(errors)

    assert (np.diff(calibration.upper) >= 0).all()
    assert (np.diff(calibration.lower) <= 0).all()
    assert (np.diff(calibration.scales) >= 0).all()
    assert len(calibration.scales) == 7


def test_the_side_that_errs_more_is_wider() -> None:
    errors = np.random.default_rng(0).gamma(0.5, size=(3, 100)) - 0.2

    calibration = of(errors)

    assert calibration.upper[-2] > -calibration.lower[-2]


def test_missing_readings_are_no_errors() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 48))
    gaps = errors.copy()
    gaps[0, 10:20] = np.nan

    assert of(gaps).upper[8] == pytest.approx(of(errors).upper[8], rel=0.3)


def test_too_few_errors_or_none_at_all_give_no_intervals() -> None:
    assert calibrated(np.full((3, 10), np.nan), 24) is None
    assert calibrated(np.ones((1, 5)), 24) is None
    assert calibrated(np.zeros((3, 48)), 24) is None
