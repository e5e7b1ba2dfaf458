"""Features that multiply a trend with a floor multiply the part above the floor, as in the fit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fleetcast.errors import ModelFormatError, SettingError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from fleetcast.forecasting.model import SampledModel
from testbed.preparation import fit_with

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
DAYS = np.datetime64("2024-01-01", "us") + np.arange(400) * np.timedelta64(1, "D")
SIGMA = 3.0
LEVEL = 1_000 + 0.02 * np.arange(400)
Y = 500 + (LEVEL - 500) * (1 + 0.95 * np.sin(2 * np.pi * np.arange(400) / 7))
Y += np.random.default_rng(5).normal(0, SIGMA, 400)
MULTIPLICATIVE = {"seasonality_mode": "multiplicative"}
CASES = [
    (MULTIPLICATIVE | {"scaling": "minmax"}, {}),
    (MULTIPLICATIVE | {"growth": "logistic"}, {"cap": 3_000.0, "floor": 500.0}),
    (MULTIPLICATIVE | {"growth": "logistic", "scaling": "minmax"}, {"cap": 3_000.0}),
    (MULTIPLICATIVE | {"growth": "logistic", "scaling": "minmax"}, {"cap": 3_000.0, "floor": 500.0}),
    (MULTIPLICATIVE | {"growth": "flat", "scaling": "minmax"}, {}),
]


@pytest.mark.parametrize(("settings", "limits"), CASES)
def test_in_sample_the_forecast_is_as_near_as_the_noise(
    settings: dict[str, Any], limits: dict[str, float]
) -> None:
    model = loads(dumps(fit_with(DAYS, Y, **settings, **limits)))

    table = forecast(model, ForecastOptions(ds=DAYS, **limits))

    error = np.sqrt(((table["yhat"] - Y) ** 2).mean())
    assert error < 2 * SIGMA
    inside = (table["yhat_lower"] < Y) & (table["yhat_upper"] > Y)
    assert 0.7 < inside.mean() < 0.95


def test_forecast_many_has_the_same_floors() -> None:
    models = [fit_with(DAYS, Y + level, scaling="minmax", **MULTIPLICATIVE) for level in (0.0, 100.0)]

    for model, table in zip(
        models, forecast_many([m for m in models if isinstance(m, Model)], ForecastOptions(30)), strict=True
    ):
        assert isinstance(table, dict)
        assert table["yhat"].tobytes() == forecast(model, ForecastOptions(30))["yhat"].tobytes()


def test_prophet_itself_multiplies_the_floor_and_is_far_off() -> None:
    from prophet.serialize import model_from_json  # noqa: PLC0415 - slow, and for this test only

    text = dumps(fit_with(DAYS, Y, scaling="minmax", keep_history=True, **MULTIPLICATIVE))

    stock = model_from_json(text).predict(pd.DataFrame({"ds": DAYS}))

    ours = forecast(loads(text), ForecastOptions(ds=DAYS))
    terms = stock["multiplicative_terms"].to_numpy()
    expected = stock["yhat"].to_numpy() - Y.min() * terms
    np.testing.assert_allclose(ours["yhat"], expected, rtol=1e-9)
    assert np.abs(stock["yhat"].to_numpy() - Y).mean() > 10 * SIGMA


def test_a_sampled_model_with_a_floor_is_refused_as_prophet_forecasts_it_wrongly() -> None:
    with pytest.raises(SettingError, match="multiplicative terms meet scaling='minmax' or a floor"):
        fit_with(DAYS[:60], Y[:60], mcmc_samples=20, scaling="minmax", **MULTIPLICATIVE)

    sampled = fit_with(
        DAYS[:60], Y[:60], mcmc_samples=20, stan_arguments={"seed": 1, "chains": 1}, **MULTIPLICATIVE
    )
    assert isinstance(sampled, SampledModel)
    text = sampled.text.replace('"scaling": "absmax"', '"scaling": "minmax"')
    assert text != sampled.text
    with pytest.raises(ModelFormatError, match="multiplicative terms meet scaling='minmax' or a floor"):
        loads(text)
