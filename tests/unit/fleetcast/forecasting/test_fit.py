"""Fits of unusual histories, and what the model of each one forecasts."""

import json
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import HistoryError
from fleetcast.forecasting import (
    FitOptions,
    ForecastOptions,
    Model,
    dumps,
    fit,
    fit_by_solver,
    forecast,
    loads,
)
from fleetcast.forecasting.fitting import folded
from fleetcast.forecasting.parameters import Parameters
from testbed.preparation import fit_with

RNG = np.random.default_rng(0)
DAYS = np.datetime64("2020-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
Y = 10 + np.linspace(0, 2, 60) + np.sin(np.arange(60) * 2 * np.pi / 7) + RNG.normal(scale=0.3, size=60)


def fitted(ds: Any = DAYS, y: Any = Y, **arguments: Any) -> Model:
    model = fit_with(ds, y, **arguments)
    assert isinstance(model, Model)
    assert model.engine == "fleetcast"
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"growth": "flat"},
        {"growth": "logistic", "cap": 20.0, "floor": 1.0},
        {"seasonality_mode": "multiplicative"},
        {"scaling": "minmax"},
        {"regressors": {"r": np.arange(60.0)}},
        {"country_holidays": "US"},
    ],
)
def test_a_fit_follows_the_readings(arguments: dict[str, Any]) -> None:
    model = fitted(keep_history=True, **arguments)

    columns = {name: arguments.get(name) for name in ("cap", "floor", "regressors")}
    table = forecast(model, ForecastOptions(ds=DAYS, **columns))

    assert np.abs(table["yhat"] - Y).mean() < 0.75
    assert (table["yhat_lower"] < table["yhat"]).all()
    assert (table["yhat"] < table["yhat_upper"]).all()
    assert 0.6 < ((table["yhat_lower"] < Y) & (table["yhat_upper"] > Y)).mean() <= 1


@pytest.mark.parametrize("growth", ["linear", "flat"])
@pytest.mark.parametrize("scaling", ["absmax", "minmax"])
@pytest.mark.parametrize("level", [0.0, 3.0, -3.0])
def test_constant_readings_are_forecast_as_they_are(growth: str, scaling: str, level: float) -> None:
    model = fitted(y=np.full(60, level), growth=growth, scaling=scaling)

    assert model.parameters.sigma_obs == 1e-9
    assert forecast(model, ForecastOptions(3))["yhat"].tolist() == [level] * 3


def test_readings_with_one_timestamp_are_refused() -> None:
    with pytest.raises(HistoryError, match="all timestamps are equal"):
        fit_with(DAYS[[0] * 60], Y)


def test_equal_timestamps_and_equal_changepoints_are_accepted() -> None:
    model = fitted(np.repeat(DAYS[::6], 6), Y, n_changepoints=20)

    assert (np.diff(model.t_change) == 0).any()
    assert np.isfinite(forecast(model, ForecastOptions(3))["yhat"]).all()


@pytest.mark.parametrize("none", [{"changepoints": []}, {"n_changepoints": 0}, {"changepoint_range": 0.0}])
def test_a_model_without_changepoints_has_one_at_the_start_whose_delta_is_in_k(none: dict[str, Any]) -> None:
    model = fitted(**none)

    assert model.t_change.tolist() == [0]
    assert model.parameters.delta.tolist() == [0]
    assert json.loads(json.loads(dumps(model))["changepoints"])["data"] == []


def test_folding_adds_the_delta_of_that_changepoint_to_k() -> None:
    estimate = Parameters(k=1.0, m=2.0, delta=np.array([0.25]), beta=np.zeros(1), sigma_obs=0.1)

    assert folded(estimate).k == 1.25
    assert folded(estimate).delta.tolist() == [0]


def test_readings_far_above_their_noise_are_fitted() -> None:
    level = fitted(y=Y + 1e6)

    assert 0.1 < level.parameters.sigma_obs * level.scale.y_scale < 0.4


@pytest.mark.parametrize("year", [1500, 2500])
def test_any_year_is_fitted_and_forecast(year: int) -> None:
    ds = np.datetime64(f"{year}-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")

    model = loads(dumps(fitted(ds)))

    assert forecast(model, ForecastOptions(2))["ds"].tolist() == [
        ds[-1].item() + np.timedelta64(n, "D").item() for n in (1, 2)
    ]
    assert np.abs(forecast(model, ForecastOptions(7))["yhat"] - 12).max() < 3


def test_dates_without_a_reading_belong_to_the_history() -> None:
    model = fitted(y=np.append(Y[:-3], [np.nan] * 3))

    assert model.rows == 57
    assert forecast(model, ForecastOptions(1))["ds"][0] == DAYS[-1] + np.timedelta64(1, "D")


def test_the_order_of_rows_does_not_matter() -> None:
    order = RNG.permutation(60)

    assert dumps(fitted(DAYS[order], Y[order])) == dumps(fitted())


def test_the_same_readings_give_the_same_text() -> None:
    assert dumps(fitted()) == dumps(fitted())


def test_the_solver_alone_fits_what_it_can_as_fit_does() -> None:
    alone, usual = fit_by_solver(DAYS, Y), fit(DAYS, Y)

    assert alone is not None
    assert dumps(alone) == dumps(usual)


@pytest.mark.parametrize(
    ("y", "options"),
    [(np.sin(np.arange(60) * 2 * np.pi / 7), FitOptions()), (Y, FitOptions(mcmc_samples=10))],
    ids=["readings without noise", "samples"],
)
def test_the_solver_alone_leaves_to_stock_prophet_what_it_cannot_fit(y: Any, options: FitOptions) -> None:
    assert fit_by_solver(DAYS, y, options) is None
