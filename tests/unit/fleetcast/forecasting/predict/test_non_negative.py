"""Forecasts that are never below 0."""

import numpy as np
import pytest

from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from fleetcast.forecasting.model import SampledModel
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(120) * np.timedelta64(1, "D")
QUANTILES = (0.05, 0.5)


def falling(**settings: object) -> Model:
    """Return a model whose forecast soon lies below 0."""
    noise = np.random.default_rng(3).normal(size=120)
    model = fit_with(DAYS, 30 - 0.25 * np.arange(120) + noise, **settings)
    assert isinstance(model, Model)
    return model


@pytest.mark.parametrize("seasonality_mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("periods", [7, 60])
def test_non_negative_raises_yhat_and_its_quantiles_and_nothing_else(
    seasonality_mode: str, periods: int
) -> None:
    model = falling(seasonality_mode=seasonality_mode)

    plain = forecast(model, ForecastOptions(periods, quantiles=QUANTILES, components=True))
    clipped = forecast(
        model, ForecastOptions(periods, quantiles=QUANTILES, components=True, non_negative=True)
    )

    of_yhat = {"yhat", "yhat_lower", "yhat_upper", "yhat_0.05", "yhat_0.5"}
    assert list(clipped) == list(plain)
    assert plain["yhat"].min() < 0
    assert plain["trend"].min() < 0
    for name, values in plain.items():
        expected = np.where(values > 0, values, 0.0) if name in of_yhat else values
        assert clipped[name].tobytes() == expected.tobytes(), name


def test_forecast_many_raises_them_too() -> None:
    models = [falling(), falling(growth="flat"), falling(country_holidays="DE"), falling()]

    for model, table in zip(
        models,
        forecast_many(models, ForecastOptions(30, quantiles=QUANTILES, non_negative=True)),
        strict=True,
    ):
        assert isinstance(table, dict)
        alone = forecast(model, ForecastOptions(30, quantiles=QUANTILES, non_negative=True))
        assert min(values.min() for name, values in table.items() if name != "ds") >= 0
        for name, values in table.items():
            assert values.tobytes() == alone[name].tobytes(), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_forecast_of_a_sampled_model_is_raised_too() -> None:
    y = 30 - 0.5 * np.arange(60) + np.random.default_rng(4).normal(size=60)
    model = fit_with(DAYS[:60], y, mcmc_samples=20, stan_arguments={"seed": 1, "chains": 1})
    assert isinstance(model, SampledModel)

    table = forecast(loads(dumps(model)), ForecastOptions(20, quantiles=QUANTILES, non_negative=True))

    assert table["trend"].min() < 0
    for name in ("yhat", "yhat_lower", "yhat_upper", "yhat_0.05", "yhat_0.5"):
        assert table[name].min() == 0
