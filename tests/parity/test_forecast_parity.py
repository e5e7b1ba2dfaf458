"""From one model.json, our forecast equals Prophet's."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prophet.serialize import model_from_json

from fleetcast.forecasting import ForecastOptions, Model, dumps, fit, forecast, loads
from testbed.stock_cases import CASES, STOCK_WARNINGS, fitted, text

pytestmark = STOCK_WARNINGS

POINT = 1e-12
EVERY_CASE = pytest.mark.parametrize("name", CASES)
RANDOM = ("yhat_lower", "yhat_upper", "trend_lower", "trend_upper")


def distance(ours: np.ndarray, stock: pd.Series) -> float:
    """Return the largest difference as a share of the largest value."""
    expected = stock.to_numpy(dtype=float)
    return float(np.abs(ours - expected).max() / (np.abs(expected).max() or 1.0))


def read(text: str, *, keep_history: bool = False) -> Model:
    model = loads(text, keep_history=keep_history)
    assert isinstance(model, Model)
    return model


@EVERY_CASE
def test_yhat_trend_and_every_component_equal_prophets_on_history_and_future(name: str) -> None:
    case, stock_model = CASES[name], fitted(name)
    future = case.future(stock_model, 40, include_history=True)
    stock = stock_model.predict(future.copy())

    ours = forecast(
        read(text(name), keep_history=True),
        ForecastOptions(40, case.freq, include_history=True, components=True, **case.columns(future)),
    )

    assert list(ours) == list(stock)
    assert np.array_equal(ours["ds"], stock.ds.to_numpy().astype("datetime64[us]"))
    assert {
        c: d for c in stock if c not in ("ds", *RANDOM) and (d := distance(ours[c], stock[c])) > POINT
    } == {}


@EVERY_CASE
def test_intervals_equal_prophets_within_its_sampling_error(name: str) -> None:
    case, stock_model = CASES[name], fitted(name)
    future = case.future(stock_model, 30)
    np.random.seed(1)  # noqa: NPY002 - Prophet draws from the global generator
    stock = stock_model.predict(future.copy())

    ours = forecast(read(text(name)), ForecastOptions(30, case.freq, **case.columns(future)))

    if "yhat_lower" in stock:
        half_width = (stock.yhat_upper - stock.yhat_lower).to_numpy() / 2
        for column in ("yhat_lower", "yhat_upper"):
            assert (np.abs(ours[column] - stock[column]) / half_width).max() < 0.35
    else:
        assert not [column for column in ours if column in RANDOM]


@EVERY_CASE
@pytest.mark.parametrize("keep_history", [False, True])
def test_stock_prophet_reads_our_json_and_predicts_the_same(name: str, keep_history: bool) -> None:  # noqa: FBT001
    case, stock_model = CASES[name], fitted(name)
    future = case.future(stock_model, 20)

    back = model_from_json(dumps(read(text(name), keep_history=keep_history)))

    for rows in (future, future[:1]):
        tables = []
        for model in (stock_model, back):
            np.random.seed(3)  # noqa: NPY002 - Prophet draws from the global generator
            tables.append(model.predict(rows.copy()))
        pd.testing.assert_frame_equal(*tables, rtol=1e-9, atol=1e-9)
    pd.testing.assert_frame_equal(
        back.make_future_dataframe(5, freq=case.freq, include_history=False),
        stock_model.make_future_dataframe(5, freq=case.freq, include_history=False),
    )


@EVERY_CASE
def test_keep_history_writes_prophets_history(name: str) -> None:
    stock_model = fitted(name)

    back = model_from_json(dumps(read(text(name), keep_history=True)))

    shared = [column for column in back.history if column != "ds"]
    pd.testing.assert_frame_equal(
        back.history[shared], stock_model.history[shared], check_dtype=False, rtol=1e-8, atol=1e-9
    )
    assert (back.history.ds == stock_model.history.ds).all()
    assert (back.history_dates.to_numpy() == stock_model.history_dates.to_numpy()).all()
    assert len(back.predict()) == len(stock_model.history)


@EVERY_CASE
def test_our_json_read_back_is_the_same_json(name: str) -> None:
    once = dumps(read(text(name)))

    assert dumps(read(once)) == once


@EVERY_CASE
def test_our_json_has_prophets_values(name: str) -> None:
    stock, ours = json.loads(text(name)), json.loads(dumps(read(text(name))))

    rest = {
        "history",
        "history_dates",
        "params",
        "changepoints",
        "train_component_cols",
        "holidays",
        "fleetcast",
    }
    assert stock.keys() <= ours.keys()
    assert {key: ours[key] for key in stock.keys() - rest} == {key: stock[key] for key in stock.keys() - rest}


@pytest.mark.parametrize("name", ["additive", "mixed, holidays, regressors, condition", "country"])
def test_json_of_the_first_prophet_1_1_is_read(name: str) -> None:
    case, stock_model = CASES[name], fitted(name)
    content = json.loads(text(name))
    for added_later in ("scaling", "y_min", "holidays_mode"):
        del content[added_later]
    for regressor in content["extra_regressors"][1].values():
        del regressor["predictor_spec"], regressor["predictor"]
    content["history_dates"] = content["history_dates"].replace('.000"', '.000Z"')
    content["holidays"] = content["holidays"] and content["holidays"].replace('.000"', '.000Z"')
    if name.startswith("mixed"):
        content["holidays_mode"] = "multiplicative"
    future = case.future(stock_model, 5)

    ours = forecast(read(json.dumps(content)), ForecastOptions(5, case.freq, **case.columns(future)))

    assert distance(ours["yhat"], stock_model.predict(future.copy()).yhat) <= POINT


def test_country_holidays_beyond_the_resolved_years_are_prophets() -> None:
    stock_model = fitted("country")
    ds = pd.date_range("2045-12-20", periods=20, freq="D")
    stock = stock_model.predict(pd.DataFrame({"ds": ds}))

    model = read(dumps(read(text("country"))))
    ours = forecast(model, ForecastOptions(ds=ds.to_numpy(), components=True))

    assert stock.holidays.abs().max() > 0
    assert distance(ours["holidays"], stock.holidays) <= POINT


def test_rows_are_forecast_in_time_order_as_prophet_does() -> None:
    case, name = CASES["mixed, holidays, regressors, condition"], "mixed, holidays, regressors, condition"
    future = case.future(fitted(name), 30).sample(frac=1, random_state=3)
    stock = fitted(name).predict(future.copy())

    ours = forecast(read(text(name)), ForecastOptions(ds=future.ds.to_numpy(), **case.columns(future)))

    assert np.array_equal(ours["ds"], stock.ds.to_numpy().astype("datetime64[us]"))
    assert distance(ours["yhat"], stock.yhat) <= POINT


@pytest.mark.parametrize("file", ["prophet_examples_8", "m4_hourly_414"])
def test_stock_prophet_forecasts_real_series_from_our_json_as_we_do(file: str) -> None:
    folder = os.environ.get("FLEETCAST_DATA")
    if not folder:
        pytest.skip("FLEETCAST_DATA names the folder of the real series")
    frame = pd.read_csv(Path(folder, f"{file}.csv.gz"), parse_dates=["ds"])

    for _, rows in itertools.islice(frame.groupby("unique_id"), 8):
        ours = fit(rows.ds.to_numpy(), rows.y.to_numpy())
        stock = model_from_json(dumps(ours))
        table = forecast(ours, ForecastOptions(48, "h"))
        expected = stock.predict(stock.make_future_dataframe(48, freq="h", include_history=False))
        assert distance(table["yhat"], expected.yhat) <= POINT
        assert distance(table["trend"], expected.trend) <= POINT
