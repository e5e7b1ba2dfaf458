"""Directions that the readings leave open, and series that have none."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fleetcast.forecasting import ForecastOptions, Model, dumps, fitting, forecast
from fleetcast.forecasting.preprocessing.preparation import estimation_problem
from fleetcast.forecasting.solver.estimate import maximum_a_posteriori
from fleetcast.forecasting.solver.problem import Problem, Solution
from testbed.preparation import fit_with, prepared

DAY = np.timedelta64(1, "D")
MONDAY = np.datetime64("2023-01-02", "us")


def readings(ds: NDArray[Any], seed: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    days = (ds - MONDAY) / DAY
    season = 8 * np.sin(2 * np.pi * days / 7) + 5 * np.sin(2 * np.pi * days)
    trend = (
        100 + generator.normal(0, 0.05) * days + np.maximum(days - days.mean(), 0) * generator.normal(0, 0.1)
    )
    return np.asarray(trend + season + generator.normal(0, generator.uniform(0.5, 5), ds.size))


def ordinary() -> Iterator[tuple[NDArray[Any], NDArray[np.float64], dict[str, Any]]]:
    steps = (DAY, np.timedelta64(1, "h"), np.timedelta64(30, "m"), 7 * DAY)
    for seed in range(48):
        rows = int(np.random.default_rng(seed).integers(120, 900))
        ds = MONDAY + np.arange(min(rows, 200) if seed % 4 == 3 else rows) * steps[seed % 4]
        growth = ("linear", "flat", "linear", "logistic")[seed // 4 % 4]
        mode = ("additive", "multiplicative")[seed // 16 % 2]
        arguments: dict[str, Any] = {"growth": growth, "seasonality_mode": mode}
        y = readings(ds, seed)
        yield ds, y, arguments | ({"cap": 1.5 * y.max()} if growth == "logistic" else {})


def test_an_ordinary_series_has_the_same_model_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_start_prior(problem: Problem) -> Solution:
        return maximum_a_posteriori(problem, with_start_prior=False)

    texts = [dumps(fit_with(ds, y, **arguments)) for ds, y, arguments in ordinary()]
    monkeypatch.setattr(fitting, "maximum_a_posteriori", without_start_prior)
    same = [dumps(fit_with(ds, y, **arguments)) for ds, y, arguments in ordinary()]

    assert texts == same


def sunday(count: int, **arguments: Any) -> float:
    """Return the forecast for Sundays of a series that has so many of them among 75 weeks of other days."""
    ds = MONDAY + np.arange(525) * DAY
    is_sunday = np.arange(525) % 7 == 6
    keep = ~is_sunday | (np.cumsum(is_sunday) <= count)
    y = 100 + 30 * is_sunday + np.random.default_rng(1).normal(0, 2, 525)
    model = fit_with(ds[keep], y[keep], **arguments)
    assert isinstance(model, Model)
    assert model.engine == "fleetcast"
    return float(forecast(model, ForecastOptions(ds=ds[is_sunday][-2:]))["yhat"].mean())


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_one_reading_closes_an_open_direction(mode: str) -> None:
    assert sunday(0, seasonality_mode=mode) == pytest.approx(100, abs=4)
    assert sunday(1, seasonality_mode=mode) == pytest.approx(130, abs=4)


def test_readings_decide_between_nearly_equal_regressors() -> None:
    generator = np.random.default_rng(5)
    ds = MONDAY + np.arange(400) * DAY
    one = generator.normal(size=400)
    other = one + 0.01 * generator.normal(size=400)
    y = 100 + 500 * (one - other) + generator.normal(0, 0.5, 400)

    model = fit_with(ds, y, regressors={"one": one, "other": other})
    assert isinstance(model, Model)
    apart = [
        forecast(model, ForecastOptions(1, regressors={"one": [1.0], "other": [value]}))["yhat"][0]
        for value in (1.0, 0.99)
    ]

    assert apart[1] - apart[0] == pytest.approx(5, abs=0.5)


def test_equal_readings_on_each_weekday_give_equal_text_whatever_the_order() -> None:
    ds = MONDAY + np.arange(400) * DAY
    ds = ds[np.arange(400) % 7 < 6]
    y = readings(ds, 3)
    order = np.random.default_rng(0).permutation(ds.size)

    for mode in ("additive", "multiplicative"):
        texts = {dumps(fit_with(ds[at], y[at], seasonality_mode=mode)) for at in (order, order[::-1])}
        assert len(texts) == 1


@pytest.mark.parametrize("seed", [37, 200])
def test_a_multiplicative_model_with_a_level_far_above_the_noise_is_fitted_without_prophet(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(60, 200))
    hours = np.sort(generator.integers(0, 10_000, rows)) * np.timedelta64(1, "h")
    y = 1e4 + np.cumsum(generator.normal(0, 1, rows))
    arguments = {
        "n_changepoints": 29,
        "changepoint_prior_scale": 0.5,
        "seasonality_mode": "multiplicative",
    }
    ds = np.datetime64("2024-01-01", "us") + hours

    found = maximum_a_posteriori(estimation_problem(prepared(ds, y, **arguments)))

    assert found.kkt <= 1e-5


@pytest.mark.parametrize(("seed", "lowest"), [(40, -299.0617), (43, -136.7410), (45, -242.4374)])
def test_where_the_mean_is_near_zero_the_lower_of_two_minima_is_found(seed: int, lowest: float) -> None:
    generator, steps = np.random.default_rng(seed), np.arange(150)
    promotion, weather = generator.normal(size=(2, 150))
    bend = np.maximum(steps / 150 - 0.5, 0) - 0.125
    trend = generator.normal(0, 8) * (steps / 150 - 0.5) + generator.normal(0, 20) * bend
    y = trend * (1 + generator.normal(0, 0.6) * promotion) + generator.normal(0, 5) * weather
    y += 5 * np.sin(2 * np.pi * steps / 7) + generator.normal(0, 1, 150)
    y -= y.mean() * generator.uniform(0.8, 1)

    found = maximum_a_posteriori(
        estimation_problem(
            prepared(
                MONDAY + steps * DAY,
                y,
                seasonality_mode="multiplicative",
                regressors={"promotion": promotion, "weather": weather},
                extra_regressors=["promotion", {"name": "weather", "mode": "additive"}],
            )
        )
    )

    assert found.objective <= lowest + 1e-3
