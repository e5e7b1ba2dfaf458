"""What the holidays of a fitted model add, alone and at any time."""

from typing import Any

import numpy as np
import pytest

from fleetcast.forecasting import FitOptions, ForecastOptions, HolidayEffects, Model, fit, forecast

DS = np.datetime64("2024-01-01") + np.arange(200) * np.timedelta64(1, "D")
FUTURE = DS[-1] + np.arange(1, 15) * np.timedelta64(1, "D")
FEAST = np.isin(np.arange(214), [20, 61, 110, 160, 205])
WARM = np.sin(np.arange(214) / 9) + 5


def fitted(columns: dict[str, Any], **options: Any) -> Model:
    dates = [str(day) for day in np.concatenate((DS, FUTURE))[FEAST]]
    holidays = {"ds": dates, "holiday": ["feast"] * len(dates)}
    y = 100 + 30 * FEAST[:200] + 4 * WARM[:200] + np.random.default_rng(1).normal(size=200)
    model = fit(DS, y, FitOptions(holidays=holidays, **options), **columns)
    assert isinstance(model, Model)
    return model


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_it_is_the_difference_that_the_holiday_makes_whatever_the_regressors(mode: str) -> None:
    warm = {"regressors": {"warm": WARM[:200]}}
    model = fitted(warm, seasonality_mode=mode, extra_regressors=["warm"])
    effects = HolidayEffects.of(model, {})
    options = ForecastOptions(ds=FUTURE, regressors={"warm": WARM[200:]}, components=True)
    table = forecast(model, options)
    share = table["trend"] if mode == "multiplicative" else 1.0

    assert effects is not None
    found = effects.at(FUTURE.astype("datetime64[us]").view(np.int64))
    np.testing.assert_allclose(found, table["holidays"] * share, atol=1e-9)
    assert found[5] == pytest.approx(30, abs=4)
    assert (np.delete(found, 5) == 0).all()


def test_a_share_of_a_trend_with_a_capacity_is_that_of_the_last_row() -> None:
    model = fitted({"cap": 400.0}, growth="logistic", seasonality_mode="multiplicative")
    effects = HolidayEffects.of(model, {"cap": np.array([1.0, 400.0])})
    table = forecast(model, ForecastOptions(ds=FUTURE, cap=400.0, components=True))

    assert effects is not None
    found = effects.at(FUTURE.astype("datetime64[us]").view(np.int64))
    np.testing.assert_allclose(found, table["holidays"] * table["trend"], atol=1e-9)


def test_more_times_than_one_forecast_takes_at_once_have_the_same_effects() -> None:
    effects = HolidayEffects.of(fitted({}), {})
    times = (DS[0] + np.arange(214 * 24) * np.timedelta64(1, "h")).astype("datetime64[us]").view(np.int64)

    assert effects is not None
    found = effects.at(times)
    assert (found != 0).sum() == 5 * 24
    np.testing.assert_array_equal(found[::24], effects.at(times[::24]))


def test_a_model_without_holidays_has_none() -> None:
    model = fit(DS, WARM[:200])

    assert isinstance(model, Model)
    assert HolidayEffects.of(model, {}) is None
