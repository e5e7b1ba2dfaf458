"""A fleet's statistics: exact sums whatever the order, and what they say about a further customer."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from fleetcast.evaluation import CombineOptions, FleetMeans, FleetSums, calibrated, error_summary
from fleetcast.evaluation.fleet import MOST_CUSTOMERS, ErrorSummary
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import Grid, Seasons
from testbed.combined import combination, fleet_of, hourly

ERRORS = {"prophet": 1.2, "seasonal_naive": 1.0, "median": 0.8}


def grid(*, scale: float = 1.0) -> Grid:
    return Grid(scale * np.random.default_rng(0).normal(size=500), Seasons(24, 168))


def summary(seed: int = 0, *, horizon: int = 48, spread: float = 1.0) -> ErrorSummary:
    generator = np.random.default_rng(seed)
    size = np.exp(spread * generator.normal())
    errors = size * generator.normal(size=(3, horizon))
    made = error_summary(errors, 2 * errors, grid(), "h")
    assert made is not None
    return made


def summed(summaries: list[ErrorSummary]) -> FleetSums:
    sums = FleetSums()
    for number, each in enumerate(summaries):
        sums.add({name: error * (1 + number / 7) for name, error in ERRORS.items()}, each)
    return sums


def independent(spread: float) -> float:
    return summed([summary(seed, spread=spread) for seed in range(30)]).means()["h"].independent


def test_the_order_of_the_customers_changes_no_digit() -> None:
    summaries = [summary(seed, horizon=24 * (1 + seed % 9)) for seed in range(40)]
    forwards, backwards = FleetSums(), FleetSums()
    for each in summaries:
        forwards.add(ERRORS, each)
    for each in reversed(summaries):
        backwards.add(ERRORS, each)

    assert forwards.means() == backwards.means()


def test_parts_that_were_written_and_read_again_add_up_to_the_whole_exactly() -> None:
    summaries = [summary(seed, horizon=24 * (1 + seed % 9)) for seed in range(40)]
    whole, parts, together = FleetSums(), [FleetSums(), FleetSums(), FleetSums()], FleetSums()
    for number, each in enumerate(summaries):
        errors = {name: error + number / 3 for name, error in ERRORS.items()}
        whole.add(errors, each)
        parts[number % 3].add(errors, each)
    for part in parts:
        text = msgspec.json.encode(part.means())
        for freq, means in msgspec.json.decode(text, type=dict[str, FleetMeans]).items():
            together.add_means(freq, means)

    assert together.means() == whole.means()


def test_methods_are_compared_with_the_seasonal_naive_forecast() -> None:
    means = summed([summary()]).means()["h"]

    assert means.methods["seasonal_naive"].log_error == 0
    assert means.methods["median"].log_error == pytest.approx(np.log(0.8), abs=1e-6)
    assert "long_profile" not in means.methods


def test_one_customer_with_an_exact_forecast_does_not_decide_for_the_fleet() -> None:
    sums = FleetSums()
    sums.add(ERRORS | {"median": 0.0}, summary())

    assert sums.means()["h"].methods["median"].log_error == -5


def test_a_fleet_of_unlike_customers_counts_as_fewer_errors() -> None:
    assert independent(1.0) < 2
    assert independent(0.3) > 4
    assert independent(0.0) <= 29


def test_sizes_are_in_units_of_the_naive_error_and_so_are_intervals() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 48))
    one, hundred = (error_summary(n * errors, n * errors, grid(scale=n), "h") for n in (1.0, 100.0))
    means = summed([summary(seed) for seed in range(9)]).means()["h"]
    near, far = means.naive_calibration(1.0), means.naive_calibration(50.0)

    assert one == hundred
    assert far.scales == pytest.approx(50 * near.scales, rel=1e-5)
    assert (np.diff(near.upper) >= 0).all()
    assert (np.diff(near.lower) <= 0).all()


def test_errors_of_zero_or_of_a_history_that_repeats_itself_are_left_out() -> None:
    errors = np.random.default_rng(0).normal(size=(3, 48))

    assert error_summary(0 * errors, errors, grid(), "h") is None
    assert error_summary(errors, 0 * errors, grid(), "h") is None
    assert error_summary(errors, errors, Grid(np.ones(500), Seasons(24, 168)), "h") is None
    assert error_summary(1e30 * errors, errors, grid(), "h") is None


def test_sums_that_cannot_be_added_are_refused() -> None:
    means = summed([summary()]).means()["h"]
    sums = summed([summary()])

    with pytest.raises(ValueError, match="naive_steps of h is 24 and 48"):
        sums.add_means("h", msgspec.structs.replace(means, naive_steps=48))
    with pytest.raises(ValueError, match="more than 10,000,000 customers of h"):
        sums.add_means("h", msgspec.structs.replace(means, customers=MOST_CUSTOMERS))


def errors_of(size: float, horizon: int) -> Vector:
    return size * np.random.default_rng(1).normal(size=(3, horizon))


def test_few_errors_have_intervals_with_a_fleet_and_many_hardly_change() -> None:
    pooled = summed([summary(seed, spread=0.3) for seed in range(30)]).means()["h"].pooled(1.0)
    few, many = errors_of(1.0, 2), errors_of(1.0, 900)
    own, with_fleet = calibrated(many, 24), calibrated(many, 24, pooled)
    assert own is not None
    assert with_fleet is not None

    assert calibrated(few, 24) is None
    assert calibrated(few, 24, pooled) is not None
    assert with_fleet.upper[1:] == pytest.approx(own.upper[1:], rel=0.03)


def test_a_customer_that_seems_to_err_less_than_others_gets_wider_intervals_but_none_narrower() -> None:
    pooled = replace(summed([summary(seed) for seed in range(9)]).means()["h"].pooled(1.0), size=1.0)
    scales = []
    for size in (0.1, 10.0):
        own, with_fleet = (calibrated(errors_of(size, 12), 24, each) for each in (None, pooled))
        assert own is not None
        assert with_fleet is not None
        scales.append(with_fleet.scales[0] / own.scales[0])

    assert scales[0] > 1.02
    assert scales[1] == 1


def test_a_fleet_changes_intervals_and_neither_weights_nor_errors() -> None:
    stamps, y = hourly(24 * 10)
    own = combination(stamps, y)
    with_fleet = combination(stamps, y, options=CombineOptions(fleet=fleet_of()))
    assert own is not None
    assert with_fleet is not None
    assert own.calibration is not None
    assert with_fleet.calibration is not None

    assert with_fleet.weights == own.weights
    assert with_fleet.errors == own.errors
    assert with_fleet.summary == own.summary
    assert (with_fleet.calibration.upper != own.calibration.upper).any()
