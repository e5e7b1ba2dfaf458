"""`forecast_many` equals `forecast` for each of its models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from testbed.customers import customer
from testbed.preparation import fit_with

KINDS = ("365 daily", "1,000 irregular")


def fleet(count: int = 6, **settings: object) -> list[Model]:
    """Return models of two makes in turn, as they are after loading."""
    growth = str(settings.pop("growth", "linear"))
    texts = [
        dumps(fit_with(**customer(KINDS[seed % 2], seed=seed).arguments(growth), **settings))
        for seed in range(count)
    ]
    models = [loads(text) for text in texts]
    return [model for model in models if isinstance(model, Model)]


def check(models: list[Model], periods: int, freq: str = "D", quantiles: tuple[float, ...] = ()) -> None:
    together = forecast_many(models, ForecastOptions(periods, freq, quantiles=quantiles))

    for model, many in zip(models, together, strict=True):
        assert isinstance(many, dict)
        one = forecast(model, ForecastOptions(periods, freq, quantiles=quantiles))
        assert set(many) == {name for name in one if name == "ds" or name.startswith("yhat")}
        assert (many["ds"] == one["ds"]).all()
        for name in many.keys() - {"ds"}:
            assert many[name].tobytes() == one[name].tobytes(), name


@pytest.mark.parametrize("periods", [1, 7, 30, 400])
@pytest.mark.parametrize("seasonality_mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("growth", ["linear", "flat"])
def test_forecast_many_equals_forecast(growth: str, seasonality_mode: str, periods: int) -> None:
    check(fleet(growth=growth, seasonality_mode=seasonality_mode), periods)


@pytest.mark.parametrize("freq", ["h", "W", "MS", "B", "15min"])
def test_forecast_many_equals_forecast_for_every_frequency(freq: str) -> None:
    check(fleet(4), 5, freq)


def test_forecast_many_equals_forecast_with_quantiles() -> None:
    check(fleet(4, seasonality_mode="multiplicative"), 30, quantiles=(0.5, 0.01, 0.9, 1e-15))


@given(
    seed=st.integers(0, 2**32),
    periods=st.integers(1, 80),
    quantiles=st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), max_size=4),
    settings=st.fixed_dictionaries(
        {
            "growth": st.sampled_from(["linear", "flat"]),
            "seasonality_mode": st.sampled_from(["additive", "multiplicative"]),
            "n_changepoints": st.integers(0, 30),
            "weekly_seasonality": st.integers(0, 5),
            "scaling": st.sampled_from(["absmax", "minmax"]),
        }
    ),
)
@hypothesis_settings(max_examples=40)
def test_no_bit_of_a_forecast_depends_on_the_other_models(
    seed: int, periods: int, quantiles: list[float], settings: dict[str, object]
) -> None:
    chance = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01", "us") + np.arange(40) * np.timedelta64(1, "D")
    if settings["scaling"] == "minmax":
        settings["seasonality_mode"] = "additive"
    models = [fit_with(days, chance.normal(100, 10, 40).cumsum(), **settings) for _ in range(3)]

    check([model for model in models if isinstance(model, Model)], periods, quantiles=tuple(quantiles))


def test_models_with_different_components_may_be_mixed() -> None:
    models = [
        *fleet(2),
        *fleet(2, growth="flat"),
        *fleet(2, uncertainty_samples=0),
        *fleet(2, country_holidays="DE"),
        *fleet(2, interval_width=0.95, weekly_seasonality=False, yearly_seasonality=False),
    ]

    check(models[::-1] + models, 14)


def test_more_models_than_share_a_call_stay_in_order() -> None:
    models = fleet(5) * 20

    check(models, 3)


def test_a_model_that_needs_columns_gets_an_error_and_the_others_a_forecast() -> None:
    models = [*fleet(1), *fleet(1, growth="logistic"), *fleet(1)]

    first, refused, last = forecast_many(models, ForecastOptions(3))

    assert isinstance(refused, FutureError)
    assert "cap" in str(refused)
    assert isinstance(first, dict)
    assert isinstance(last, dict)


def test_a_horizon_beyond_the_year_9999_is_every_models_error() -> None:
    tables = forecast_many(fleet(3), ForecastOptions(9_000, "YS"))

    assert all(isinstance(table, FutureError) for table in tables)


@pytest.mark.parametrize("seasonality_mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("probability", [1e-300, 1e-13, 1 - 1e-16])
def test_an_extreme_quantile_is_finite(seasonality_mode: str, probability: float) -> None:
    (model,) = fleet(1, seasonality_mode=seasonality_mode)

    table = forecast(model, ForecastOptions(30, quantiles=[probability]))

    assert np.isfinite(table[f"yhat_{probability!r}"]).all()
