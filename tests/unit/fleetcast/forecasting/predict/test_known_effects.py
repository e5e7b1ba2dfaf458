"""The effects of holidays and regressors: what they add to a forecast, alone and among other methods."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import (
    FitOptions,
    ForecastOptions,
    Model,
    dumps,
    fit,
    forecast,
    forecast_many,
    known_effects,
    loads,
)
from testbed.combined import combined_model, hourly, promotions

STAMPS, QUIET = hourly(noise=8.0)
DS = STAMPS.view("datetime64[us]")
PROMOTION = promotions(STAMPS.size)
AHEAD = DS[-1] + np.arange(1, 101) * np.timedelta64(1, "h")
LATER = np.arange(100) % 3 == 0
FEASTS = [
    {"ds": str(day), "holiday": "feast"} for day in ("2024-01-10", "2024-01-24", "2024-02-03", "2024-02-13")
]


def of_regressor(mode: str = "additive") -> Model:
    """Return a model of readings that a promotion raises by 60, together with other methods."""
    regressor = {"name": "promotion", "mode": mode}
    y = QUIET + 60 * PROMOTION
    return combined_model(STAMPS, y, regressors={"promotion": PROMOTION}, extra_regressors=[regressor])


def of_holidays(mode: str = "additive") -> Model:
    """Return a model of readings that are lower by 40 on a holiday, together with other methods."""
    days = {row["ds"] for row in FEASTS}
    y = QUIET - 40 * np.array([str(time)[:10] in days for time in DS])
    return combined_model(STAMPS, y, holidays=FEASTS, holidays_mode=mode)


REGRESSOR, HOLIDAYS = of_regressor(), of_holidays()


def without_others(model: Model) -> Model:
    return replace(model, combination=None, horizon_cache={})


def asked(value: Any, **options: Any) -> ForecastOptions:
    return ForecastOptions(ds=AHEAD, regressors={"promotion": value}, **options)


@pytest.mark.parametrize("settings", [{}, {"scaling": "minmax"}, {"growth": "flat"}, {"growth": "logistic"}])
@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_effects_are_what_a_forecast_with_the_regressor_has_more(mode: str, settings: dict[str, Any]) -> None:
    options = FitOptions(extra_regressors=[{"name": "promotion", "mode": mode}], **settings)
    bounds: dict[str, Any] = {"cap": 400.0, "floor": 20.0} if settings.get("growth") == "logistic" else {}
    model = fit(DS, QUIET + 60 * PROMOTION, options, regressors={"promotion": PROMOTION}, **bounds)
    assert isinstance(model, Model)

    effects = known_effects(model, asked(LATER, **bounds))

    more = forecast(model, asked(LATER, **bounds))["yhat"] - forecast(model, asked(0.0, **bounds))["yhat"]
    assert effects == pytest.approx(more, abs=1e-9)
    assert effects[LATER].mean() == pytest.approx(60, rel=0.2)


def test_holidays_have_effects_and_conditional_seasons_have_none() -> None:
    season = {"name": "own", "period": 7, "fourier_order": 2, "condition_name": "is_open"}
    options = FitOptions(holidays=FEASTS, seasonalities=[season])
    model = fit(DS, QUIET, options, conditions={"is_open": PROMOTION == 1})
    assert isinstance(model, Model)

    effects = known_effects(model, ForecastOptions(ds=DS, conditions={"is_open": True}))

    is_feast = np.isin(DS.astype("datetime64[D]"), np.array([row["ds"] for row in FEASTS], "datetime64[D]"))
    assert np.unique(effects[is_feast]).size == 1
    assert effects[is_feast].all()
    assert not effects[~is_feast].any()


def test_effects_need_the_regressors_of_the_rows() -> None:
    with pytest.raises(FutureError, match="'promotion' is missing"):
        known_effects(REGRESSOR, ForecastOptions(ds=AHEAD))


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_a_promotion_after_the_history_counts_in_full_though_prophet_has_little_weight(mode: str) -> None:
    model = of_regressor(mode)
    correction = model.combination.correction if model.combination else None
    assert correction is not None
    assert correction.share < 0.3

    more = forecast(model, asked(LATER))["yhat"] - forecast(model, asked(0.0))["yhat"]

    effects = known_effects(model, asked(LATER))
    assert more == pytest.approx((correction.share + correction.effects) * effects, abs=1e-6)
    assert more[LATER].mean() == pytest.approx(60, rel=0.2)
    assert not more[~LATER].any()


def test_a_holiday_after_the_history_lowers_the_combined_forecast() -> None:
    correction = HOLIDAYS.combination.correction if HOLIDAYS.combination else None
    assert correction is not None
    assert correction.effects > 0.5

    together = forecast(HOLIDAYS, ForecastOptions(100, "h"))
    alone = forecast(without_others(HOLIDAYS), ForecastOptions(100, "h"))["yhat"]

    effects = known_effects(HOLIDAYS, ForecastOptions(100, "h"))
    is_feast = np.datetime_as_string(together["ds"], "D") == "2024-02-13"
    assert effects[is_feast] == pytest.approx(-40, rel=0.2)
    assert together["yhat"] == pytest.approx(
        correction.share * alone + correction.path[:100] + correction.effects * effects
    )


def test_beyond_the_path_and_in_the_history_prophets_model_forecasts_alone() -> None:
    far = DS[-1] + np.arange(2000, 2050) * np.timedelta64(1, "h")
    for ds in (far, DS[-50:]):
        options = ForecastOptions(ds=ds, regressors={"promotion": 1.0})

        together, alone = forecast(REGRESSOR, options), forecast(without_others(REGRESSOR), options)

        assert together["yhat"].tobytes() == alone["yhat"].tobytes()


def test_the_component_correction_is_the_difference_to_prophets_forecast() -> None:
    options = asked(LATER, components=True)

    together, alone = forecast(REGRESSOR, options), forecast(without_others(REGRESSOR), options)

    assert together["correction"] == pytest.approx(together["yhat"] - alone["yhat"])
    assert (together["promotion"] == alone["promotion"]).all()


def test_forecasts_of_many_and_repeated_forecasts_equal_that_of_one() -> None:
    options = ForecastOptions(100, "h", quantiles=(0.1, 0.9))
    fresh = replace(HOLIDAYS, horizon_cache={})
    first = forecast(fresh, options)

    tables = forecast_many([HOLIDAYS, without_others(HOLIDAYS), HOLIDAYS], options)

    for table in (tables[0], tables[2], forecast(fresh, options)):
        assert isinstance(table, dict)
        assert all(table[name].tobytes() == first[name].tobytes() for name in table)
    short = ForecastOptions(12, "h")
    assert forecast(fresh, short)["yhat"].tobytes() == forecast(fresh, short)["yhat"].tobytes()


@pytest.mark.parametrize("model", [REGRESSOR, HOLIDAYS])
def test_the_text_keeps_the_forecast_to_the_last_bit(model: Model) -> None:
    options = asked(LATER) if model is REGRESSOR else ForecastOptions(100, "h")
    back = loads(dumps(model))

    first, second = forecast(model, options), forecast(back, options)

    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert dumps(back) == dumps(model)


def changed(effects: object) -> str:
    content = json.loads(dumps(REGRESSOR))
    correction = content["fleetcast"]["combination"]["correction"]
    assert correction.pop("effects") > 0.5
    if effects is not None:
        correction["effects"] = effects
    return json.dumps(content)


def test_a_text_from_before_effects_were_stored_forecasts_as_it_did() -> None:
    back = loads(changed(None))
    correction = REGRESSOR.combination.correction if REGRESSOR.combination else None
    assert correction is not None

    yhat = forecast(back, asked(LATER))["yhat"]

    alone = forecast(without_others(REGRESSOR), asked(LATER))["yhat"]
    assert (yhat == correction.share * alone + correction.path[:100]).all()


@pytest.mark.parametrize("effects", [1.5, -0.1, "x", [0.5]])
def test_a_share_of_effects_that_cannot_be_is_refused(effects: object) -> None:
    with pytest.raises(ModelFormatError, match=r"fleetcast\.combination\.correction\.effects"):
        loads(changed(effects))
