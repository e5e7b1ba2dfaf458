"""What each method forecasts where the right answer is known."""

import numpy as np
import pytest

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import MEMBERS, Seasons, forecasts
from fleetcast.forecasting.members.grid import Grid

HOURLY = Seasons(24, 168)
WEEK = np.random.default_rng(3).uniform(50, 100, 168)


def noise(n: int, seed: int = 0) -> Vector:
    return np.random.default_rng(seed).normal(size=n)


def alone(name: str, grid: Grid, horizon: int) -> Vector | None:
    """Return a method's forecast of one history."""
    (ahead,) = forecasts([name], [grid], horizon, {})[name]
    return ahead


@pytest.mark.parametrize("name", sorted(MEMBERS.keys() - {"last_value"}))
def test_a_week_that_repeats_is_forecast_by_methods_that_know_weeks(name: str) -> None:
    ahead = alone(name, Grid(np.tile(WEEK, 8), HOURLY), 200)

    assert ahead is not None
    assert ahead.shape == (200,)
    if not name.startswith(("seasonal_naive", "profile", "median", "difference", "seasonal_difference")):
        assert np.abs(ahead - np.resize(WEEK, 200)).max() < 8


@pytest.mark.parametrize("name", sorted(MEMBERS))
@pytest.mark.parametrize("seasons", [HOURLY, Seasons(7, 0), Seasons(0, 0)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 7, 30, 400])
def test_a_method_forecasts_finite_values_or_nothing(name: str, seasons: Seasons, n: int) -> None:
    ahead = alone(name, Grid(noise(n), seasons), 50)

    assert ahead is None or (ahead.shape == (50,) and np.isfinite(ahead).all())


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_a_constant_history_is_forecast_as_the_constant_or_not_at_all(name: str) -> None:
    ahead = alone(name, Grid(np.full(400, 7.0), HOURLY), 50)

    assert ahead is None or np.abs(ahead - 7).max() < 1e-9


def test_an_autoregression_finds_the_process_that_made_the_readings() -> None:
    y = np.zeros(2000)
    for t, shock in enumerate(noise(2000)):
        y[t] = 0.6 * y[t - 1] + 0.3 * y[t - 24] + shock if t >= 24 else shock

    ahead = alone("autoregression", Grid(y, Seasons(24, 0)), 30)

    expected = np.concatenate((y, np.zeros(30)))
    for t in range(2000, 2030):
        expected[t] = 0.6 * expected[t - 1] + 0.3 * expected[t - 24]
    assert ahead is not None
    assert np.abs(ahead - expected[2000:]).max() < 0.6


def test_a_regression_is_rolled_forward_as_its_recursion_says() -> None:
    from fleetcast.forecasting.members.autoregression import _fitted, _lags, _rolled, _Stack  # noqa: PLC0415

    z = noise(700)
    lags = _lags(HOURLY, z.size)
    coefficients = _fitted(z[None], _Stack([0], z[None], np.array([700.0]), lags), 1e-3)
    level, *slopes = coefficients[0].tolist()
    buffer = z.tolist()
    for _ in range(100):
        buffer.append(level + sum(b * buffer[-lag] for b, lag in zip(slopes, lags, strict=True)))

    assert _rolled(z[None], coefficients, lags, 100)[0] == pytest.approx(np.array(buffer[-100:]), abs=1e-12)


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_the_history_before_a_cutoff_is_forecast_whatever_histories_come_with_it(name: str) -> None:
    y = 50 + np.tile(WEEK, 6) + noise(6 * 168)
    grids = [Grid(y[:n] * scale, HOURLY) for n, scale in ((900, 1.0), (30, 1.0), (700, -1.0), (640, 1e6))]

    grids *= 10  # more histories than share arrays

    together = forecasts(MEMBERS, grids, 100, {})[name]

    for grid, ahead in zip(grids, together, strict=True):
        expected = alone(name, grid, 100)
        assert (ahead is None) == (expected is None)
        if ahead is not None:
            assert ahead == pytest.approx(expected, rel=1e-9)


def test_residuals_go_on_towards_zero() -> None:
    residuals = np.zeros(1000)
    for t, shock in enumerate(noise(1000)):
        residuals[t] = 0.9 * residuals[t - 1] + shock
    residuals[-1] = 10.0

    (path,) = forecasts([], [Grid(residuals, HOURLY)], 200, {"model": [residuals]})["model"]

    assert 5 < path[0] < 10
    assert np.abs(path[-24:]).max() < 2


def test_a_forecast_does_not_leave_the_range_of_the_readings_far_behind() -> None:
    growing = np.exp(np.arange(400) / 50)

    ahead = alone("autoregression", Grid(growing, Seasons(0, 0)), 500)

    assert ahead is not None
    assert ahead.max() <= growing.max() + 0.3 * np.ptp(growing) + 1e-9
