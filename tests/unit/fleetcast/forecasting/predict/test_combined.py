"""Forecasts with other methods' part in them: one at a time, in batches, and as text."""

import gzip
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import ModelFormatError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from testbed.combined import combined_model, hourly

STAMPS, Y = hourly()
MODEL = combined_model(STAMPS, Y)
PLAIN = replace(MODEL, combination=None, horizon_cache={})


def read(model: Model) -> Model:
    back = loads(dumps(model))
    assert isinstance(back, Model)
    return back


def test_the_text_keeps_the_forecast_to_the_last_bit() -> None:
    options = ForecastOptions(200, "h", quantiles=(0.05, 0.5, 0.95))

    first, second = forecast(MODEL, options), forecast(read(MODEL), options)

    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_a_model_with_other_methods_takes_little_room() -> None:
    assert len(gzip.compress(dumps(MODEL).encode())) < 10_000


def test_a_model_without_other_methods_has_the_text_that_it_always_had() -> None:
    assert "combination" not in json.loads(dumps(PLAIN))["fleetcast"]


def test_the_forecast_is_the_weighted_mean_after_the_history() -> None:
    together, alone = forecast(MODEL, ForecastOptions(48, "h")), forecast(PLAIN, ForecastOptions(48, "h"))
    correction = MODEL.combination.correction if MODEL.combination else None

    assert correction is not None
    assert together["yhat"] == pytest.approx(correction.share * alone["yhat"] + correction.path[:48])
    assert (together["trend"] == alone["trend"]).all()


def test_the_history_keeps_prophets_forecast_and_interval() -> None:
    ds = STAMPS[-50:].view("datetime64[us]")

    together, alone = forecast(MODEL, ForecastOptions(ds=ds)), forecast(PLAIN, ForecastOptions(ds=ds))

    assert all(together[name].tobytes() == alone[name].tobytes() for name in alone)


def test_the_correction_is_one_of_the_components() -> None:
    table = forecast(MODEL, ForecastOptions(24, "h", components=True))
    alone = forecast(PLAIN, ForecastOptions(24, "h", components=True))

    assert table["correction"] == pytest.approx(table["yhat"] - alone["yhat"])
    assert "correction" not in alone


@pytest.mark.parametrize("freq", ["h", "D", "30min", "W", "MS"])
def test_a_batch_forecasts_as_each_model_alone(freq: str) -> None:
    models = [read(combined_model(*hourly(seed=seed))) for seed in range(3)] + [read(PLAIN)]
    options = ForecastOptions(30, freq, quantiles=(0.01, 0.5, 0.9))

    for model, together in zip(models, forecast_many(models, options), strict=True):
        alone = forecast(model, options)
        assert isinstance(together, dict)
        assert "yhat_0.01" in together
        for name in together:
            assert together[name].tobytes() == alone[name].tobytes(), name


def test_a_repeated_forecast_is_the_same() -> None:
    model, options = read(MODEL), ForecastOptions(7, "h")

    first, again = forecast(model, options), forecast(model, options)

    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


def test_quantiles_rise_and_the_interval_has_the_width_of_the_model() -> None:
    table = forecast(MODEL, ForecastOptions(300, "h", quantiles=(0.1, 0.5, 0.9, 0.999)))
    rows = np.array([table[f"yhat_{share}"] for share in (0.1, 0.5, 0.9, 0.999)])

    assert (np.diff(rows, axis=0) >= 0).all()
    assert (table["yhat_lower"] == table["yhat_0.1"]).all()
    assert (table["yhat_upper"] == table["yhat_0.9"]).all()


def test_a_trend_goes_on_after_the_end_of_the_path() -> None:
    ds = np.datetime64("2024-01-01", "us") + np.arange(400) * np.timedelta64(1, "D")
    y = 100 + 2 * np.arange(400) + np.random.default_rng(0).normal(size=400)
    model = combined_model(ds.view(np.int64), y, "D")

    table = forecast(model, ForecastOptions(120))

    truth = 100 + 2 * np.arange(400, 520)
    assert np.abs(table["yhat"] - truth).max() < 12
    assert (table["yhat_upper"] - table["yhat_lower"])[-1] > (table["yhat_upper"] - table["yhat_lower"])[0]


def test_beyond_the_backtests_no_interval_is_narrower_than_prophets() -> None:
    together, alone = (forecast(model, ForecastOptions(1000, "h")) for model in (MODEL, PLAIN))
    width = [table["yhat_upper"] - table["yhat_lower"] for table in (together, alone)]

    assert (width[0][400:] >= width[1][400:] - 1e-9).all()


def test_no_forecast_is_below_zero_where_that_is_asked_for() -> None:
    model = combined_model(STAMPS, Y - Y.mean())

    table = forecast(model, ForecastOptions(48, "h", quantiles=(0.01,), non_negative=True))

    assert min(table[name].min() for name in ("yhat", "yhat_lower", "yhat_0.01")) == 0


def changed(*way: str, value: Any) -> str:
    content = json.loads(dumps(MODEL))
    node = content["fleetcast"]["combination"]
    for step in way[:-1]:
        node = node[step]
    node[way[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("way", "value", "named"),
    [
        (("freq",), "fortnight", "freq must be one of"),
        (("origin",), 1e30, "fleetcast.combination.origin must be a number from"),
        (("correction", "share"), 1.5, "fleetcast.combination.correction.share must be a number from 0 to 1"),
        (("correction", "path"), [], "fleetcast.combination.correction.path must be a list of numbers"),
        (("correction", "path"), [1e31], "fleetcast.combination.correction.path"),
        (("calibration", "scales"), [1.0], "do not widen with coverage"),
        (("calibration", "upper"), [3.0, 2.0, 1.0], "do not widen with coverage"),
        (("calibration", "coverages"), [0.0, 2.0], "do not widen with coverage"),
        (("calibration", "lower"), ["x"], "fleetcast.combination.calibration.lower"),
    ],
)
def test_a_text_with_a_combination_that_cannot_be_is_refused(
    way: tuple[str, ...], value: object, named: str
) -> None:
    with pytest.raises(ModelFormatError, match=named):
        loads(changed(*way, value=value))
