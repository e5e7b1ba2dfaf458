"""What a customer's own methods forecast, and how they erred before."""

import numpy as np
import pytest

from fleetcast.forecasting.members import MEMBERS
from fleetcast.global_model import LOCAL_METHODS, LocalForecasts, local_forecasts
from tests.unit.fleetcast.global_model.fleets import readings, series
from tests.unit.fleetcast.global_model.garbage import GARBAGE, after

Y = readings("h", 800, 4)
NAIVE = LOCAL_METHODS.index("seasonal_naive")


@pytest.mark.parametrize("kind", GARBAGE)
def test_readings_after_an_origin_change_no_forecast_and_no_error_by_a_bit(kind: str) -> None:
    at = 611
    expected = local_forecasts(series("h", Y), [at], 168)
    found = local_forecasts(series("h", after(Y, at, kind)), [at], 168)

    np.testing.assert_array_equal(found.paths, expected.paths)
    np.testing.assert_array_equal(found.errors, expected.errors)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")  # of the huge readings
@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_after_an_origin_does_not_reach_it_through_later_origins(kind: str) -> None:
    origins = [500, 524, 700]
    expected = local_forecasts(series("h", Y), origins, 48)
    found = local_forecasts(series("h", after(Y, 600, kind)), origins, 48)

    np.testing.assert_array_equal(found.paths[:2], expected.paths[:2])
    np.testing.assert_array_equal(found.errors[:2], expected.errors[:2])


def test_the_order_of_origins_does_not_matter() -> None:
    forth, back = (local_forecasts(series("h", Y), each, 48) for each in ([500, 600, 700], [700, 600, 500]))

    np.testing.assert_array_equal(forth.paths, back.paths[::-1])
    np.testing.assert_array_equal(forth.errors, back.errors[::-1])


def test_an_error_is_the_mean_over_the_earlier_origins_steps_before_the_origin() -> None:
    at, horizon = 600, 48
    found = local_forecasts(series("h", Y), [at], horizon)
    sizes = []
    for k in range(1, 15):
        origin = at - 24 * k
        steps = np.arange(origin, min(origin + horizon, at))
        sizes += [abs(Y[step] - Y[origin - 24 + (step - origin) % 24]) for step in steps]

    assert found.errors[0, NAIVE] == pytest.approx(np.mean(sizes))


def test_without_an_earlier_origin_all_methods_weigh_the_same() -> None:
    found = local_forecasts(series("h", Y), [60], 24)

    assert np.isnan(found.errors).all()
    np.testing.assert_allclose(found.weights(np.ones((1, 1))), 1 / len(LOCAL_METHODS))


def test_a_method_with_less_error_weighs_more_and_one_of_no_finite_error_nothing() -> None:
    errors = np.array([[1.0, 2.0, np.inf]])
    weights = LocalForecasts(np.zeros((1, 3, 1)), errors).weights(np.ones((1, 1)))

    np.testing.assert_allclose(weights, [[32 / 33, 1 / 33, 0.0]], rtol=1e-6)


def test_errors_of_zero_share_the_weight() -> None:
    errors = np.array([[0.0, 0.0, 1.0]])
    weights = LocalForecasts(np.zeros((1, 3, 1)), errors).weights(np.ones((1, 1)))

    np.testing.assert_allclose(weights, [[0.5, 0.5, 0.0]], atol=1e-12)


def test_where_a_method_has_too_few_readings_its_forecast_is_the_naive_one() -> None:
    found = local_forecasts(series("h", Y), [60], 24)

    np.testing.assert_array_equal(found.paths[0, LOCAL_METHODS.index("long_profile")], Y[36:60])


def test_before_a_whole_cycle_the_last_reading_repeats() -> None:
    np.testing.assert_array_equal(local_forecasts(series("h", Y), [5], 24).paths[0], Y[4])


def test_no_method_needs_a_fit_of_prophets_model() -> None:
    assert set(LOCAL_METHODS) <= MEMBERS.keys()


def test_a_longer_path_has_the_same_errors_and_the_same_first_steps() -> None:
    short, long = (local_forecasts(series("h", Y), [600], length, 48) for length in (48, 336))

    np.testing.assert_array_equal(long.errors, short.errors)
    np.testing.assert_allclose(long.paths[:, :, :48], short.paths, rtol=1e-12)
