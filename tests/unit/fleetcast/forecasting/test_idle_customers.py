"""Constant readings under each growth, and forecasts without intervals."""

import numpy as np
import pytest

from fleetcast.errors import SettingError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from testbed.preparation import fit_with

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
DAYS = np.datetime64("2024-01-01", "us") + np.arange(200) * np.timedelta64(1, "D")


@pytest.mark.parametrize("scaling", ["absmax", "minmax"])
@pytest.mark.parametrize("seasonality_mode", ["additive", "multiplicative"])
@pytest.mark.parametrize(
    ("level", "limits"),
    [
        (0.0, {"cap": 10.0}),
        (0.0, {"cap": 10.0, "floor": 0.0}),
        (2.0, {"cap": 10.0, "floor": 2.0}),
        (-3.0, {"cap": 10.0, "floor": -3.0}),
        (5.0, {"cap": 10.0}),
        (3.0, {"cap": 10.0, "floor": 2.0}),
    ],
)
def test_readings_that_are_all_equal_are_forecast_as_they_are_under_logistic_growth(
    level: float, limits: dict[str, float], seasonality_mode: str, scaling: str
) -> None:
    model = fit_with(
        DAYS,
        np.full(200, level),
        growth="logistic",
        scaling=scaling,
        seasonality_mode=seasonality_mode,
        **limits,
    )

    table = forecast(loads(dumps(model)), ForecastOptions(30, components=True, quantiles=[0.01], **limits))

    for name in ("yhat", "yhat_lower", "yhat_upper", "yhat_0.01", "trend"):
        np.testing.assert_allclose(table[name], level, atol=2e-2, rtol=0, err_msg=name)


def test_readings_at_the_floor_are_fitted_without_prophet() -> None:
    model = fit_with(DAYS, np.zeros(200), growth="logistic", cap=10.0)

    assert isinstance(model, Model)
    assert model.engine == "fleetcast"
    assert np.abs(forecast(model, ForecastOptions(7, cap=10.0))["yhat"]).max() < 1e-290


@pytest.mark.parametrize("growth", ["linear", "flat", "logistic"])
def test_without_uncertainty_samples_there_are_no_interval_columns_anywhere(growth: str) -> None:
    limits = {"cap": 50.0} if growth == "logistic" else {}
    y = 10 + np.random.default_rng(1).normal(size=200)
    model = fit_with(DAYS, y, growth=growth, uncertainty_samples=0, **limits)
    assert isinstance(model, Model)

    again = loads(dumps(model))

    tables = [
        forecast(known, ForecastOptions(5, components=True, non_negative=True, **limits))
        for known in (model, again)
    ]
    for table in tables:
        assert not [name for name in table if name.endswith(("_lower", "_upper"))]
    assert tables[0]["yhat"].tobytes() == tables[1]["yhat"].tobytes()
    if growth != "logistic":
        (together,) = forecast_many([model], ForecastOptions(5))
        assert isinstance(together, dict)
        assert list(together) == ["ds", "yhat"]


@pytest.mark.parametrize("growth", ["linear", "flat"])
@pytest.mark.parametrize("limit", ["cap", "floor"])
def test_cap_and_floor_are_refused_by_name_unless_growth_is_logistic(growth: str, limit: str) -> None:
    with pytest.raises(SettingError, match=f"{limit} is used with growth='logistic' only"):
        fit_with(DAYS, np.arange(200.0), growth=growth, **{limit: 5.0})


def test_a_sampled_model_without_uncertainty_samples_has_no_interval_columns() -> None:
    y = 10 + np.random.default_rng(1).normal(size=60)
    sampling = {"mcmc_samples": 20, "stan_arguments": {"seed": 1, "chains": 1}}
    model = fit_with(DAYS[:60], y, uncertainty_samples=0, **sampling)

    table = forecast(loads(dumps(model)), ForecastOptions(5))

    assert [name for name in table if name.startswith("yhat")] == ["yhat"]
    wide = forecast(loads(dumps(model)), ForecastOptions(5, quantiles=[0.1], interval_width=0.9))
    assert (wide["yhat_lower"] <= wide["yhat_0.1"]).all()
    assert (wide["yhat_0.1"] < wide["yhat_upper"]).all()
