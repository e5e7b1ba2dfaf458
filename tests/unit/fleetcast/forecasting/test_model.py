"""Forecasts and texts of a fitted model."""

import contextlib
import gzip
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, loads
from testbed.preparation import fit_with

RNG = np.random.default_rng(5)
SECONDS = np.sort(RNG.integers(0, 60 * 86_400, 1000))
IRREGULAR = np.datetime64("2023-03-01T00:00:00", "us") + SECONDS.astype("timedelta64[s]")
READINGS = 100 + 10 * np.sin(SECONDS / 86_400 * 2 * np.pi) + RNG.normal(size=1000)
DAYS = np.datetime64("2024-01-01", "us") + np.arange(30) * np.timedelta64(1, "D")


def model(ds: Any = IRREGULAR, y: Any = READINGS, **arguments: Any) -> Model:
    fitted = fit_with(ds, y, **arguments)
    assert isinstance(fitted, Model)
    return fitted


def small(**arguments: Any) -> Model:
    return model(DAYS, READINGS[:30], **arguments)


TEXT = dumps(small(country_holidays="US", holidays={"ds": ["2024-01-10"], "holiday": ["fair"]}))


def test_columns_may_be_a_data_frame_and_quantiles_an_array() -> None:
    known = small(regressors=pd.DataFrame({"r": np.arange(30.0)}))

    table = forecast(
        known, ForecastOptions(2, regressors=pd.DataFrame({"r": [1, 2]}), quantiles=np.array([0.25]))
    )

    assert table["yhat_0.25"].shape == (2,)


def test_a_forecast_has_prophets_columns() -> None:
    table = forecast(small(), ForecastOptions(3))

    assert list(table) == [
        *("ds", "trend", "yhat_lower", "yhat_upper", "trend_lower", "trend_upper"),
        *("additive_terms", "multiplicative_terms", "yhat"),
    ]
    assert all(column.shape == (3,) for column in table.values())


def test_quantiles_have_columns_of_their_own_in_order() -> None:
    table = forecast(small(), ForecastOptions(5, quantiles=[0.9, 0.05, 0.5]))

    assert (table["yhat_0.05"] < table["yhat_lower"]).all()
    assert (table["yhat_0.5"] < table["yhat_0.9"]).all()
    assert (table["trend_0.05"] <= table["trend_0.9"]).all()
    assert table["yhat_0.5"] == pytest.approx(table["yhat"], rel=1e-9)
    assert table["yhat_0.9"] == pytest.approx(table["yhat_upper"], rel=1e-3)


def test_interval_width_replaces_the_models_own() -> None:
    wide, narrow = (
        forecast(small(), ForecastOptions(5, interval_width=0.95)),
        forecast(small(), ForecastOptions(5, interval_width=0.1)),
    )

    assert (wide["yhat_upper"] > narrow["yhat_upper"]).all()


def test_components_add_up_and_have_no_spread() -> None:
    table = forecast(small(), ForecastOptions(3, components=True))

    assert table["weekly"].tolist() == table["additive_terms"].tolist() == table["weekly_upper"].tolist()
    assert table["yhat"] == pytest.approx(table["trend"] + table["weekly"])


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"periods": 0}, "periods must be a whole number of at least 1"),
        ({"periods": 1.5}, "periods must be"),
        ({"periods": True}, "periods must be"),
        ({"freq": "fortnight"}, "freq must be one of"),
        ({"ds": []}, "ds"),
        ({"ds": ["soon"]}, "ds must hold dates"),
        ({"ds": np.empty(0, "datetime64[us]")}, "ds has no rows"),
        ({"quantiles": [1.0]}, "quantiles must be numbers between 0 and 1"),
        ({"quantiles": ["a"]}, "quantiles must be numbers between 0 and 1"),
        ({"interval_width": 1.0}, "interval_width must be"),
        ({"include_history": True}, "include_history needs the history"),
        ({"regressors": None}, "regressor 'r' is missing"),
        ({"regressors": {"r": [1, 2]}}, "one value or one for each of 7 rows"),
        ({"regressors": {"r": np.nan}}, "regressor 'r' must be a finite number"),
        ({"conditions": None}, "condition 'c' is missing"),
        ({"cap": None}, "needs cap"),
        ({"floor": None}, "needs floor too"),
        ({"cap": 1.0}, "cap must be greater than floor"),
        ({"cap": [300.0, 300.0]}, "cap must be one value"),
    ],
)
def test_options_that_the_model_cannot_forecast_are_refused_with_the_reason(
    request_: dict[str, Any], reason: str
) -> None:
    known = small(
        growth="logistic",
        cap=300,
        floor=10,
        regressors={"r": np.arange(30.0)},
        conditions={"c": np.arange(30) % 2},
        seasonalities=[{"name": "s", "period": 3, "fourier_order": 1, "condition_name": "c"}],
    )

    with pytest.raises(FutureError, match=reason):
        forecast(
            known,
            ForecastOptions(
                **{"regressors": {"r": 3}, "conditions": {"c": True}, "cap": 300, "floor": 10, **request_}
            ),
        )


def test_include_history_forecasts_the_history_of_a_model_that_keeps_it() -> None:
    kept = small(keep_history=True)

    tables = [
        forecast(m, ForecastOptions(2, include_history=True))
        for m in (kept, loads(dumps(kept), keep_history=True))
    ]

    assert tables[0]["ds"].tolist() == tables[1]["ds"].tolist()
    assert tables[0]["ds"][:30].tolist() == DAYS.tolist()
    assert tables[0]["yhat"].tolist() == tables[1]["yhat"].tolist()


def test_history_cannot_be_read_from_a_text_without_it() -> None:
    assert forecast(loads(dumps(small()), keep_history=True), ForecastOptions(1))["yhat"].size == 1
    with pytest.raises(FutureError, match="include_history"):
        forecast(loads(dumps(small()), keep_history=True), ForecastOptions(1, include_history=True))


def test_a_model_read_back_forecasts_the_same_to_the_last_digit() -> None:
    known = model()

    before, after = (
        forecast(known, ForecastOptions(30, "h", quantiles=[0.1])),
        forecast(loads(dumps(known)), ForecastOptions(30, "h", quantiles=[0.1])),
    )

    assert {name: values.tolist() for name, values in before.items()} == {
        name: values.tolist() for name, values in after.items()
    }


def test_the_text_of_1000_readings_takes_less_than_10_kb_in_an_archive() -> None:
    text = dumps(model())

    assert len(gzip.compress(text.encode(), mtime=0)) < 4_000
    assert len(text) < 10_000


def test_a_slim_history_is_two_rows_the_mean_spacing_apart() -> None:
    content = json.loads(dumps(small()))

    rows = json.loads(content["history"])["data"]
    assert [row["ds"] for row in rows] == ["2024-01-29T00:00:00.000", "2024-01-30T00:00:00.000"]
    assert [row["t"] for row in rows] == pytest.approx([28 / 29, 1], rel=1e-15)
    assert [row["y"] for row in rows] == [None, None]
    assert len(json.loads(content["history_dates"])["data"]) == 5
    assert content["fleetcast"]["rows"] == 30


def test_models_with_the_same_components_share_settings_and_layout() -> None:
    one, other = loads(dumps(small())), loads(dumps(small()))

    assert isinstance(one, Model)
    assert isinstance(other, Model)
    assert one.settings is other.settings
    assert one.layout is other.layout


@pytest.mark.parametrize("orders", [(True, 1), (1, True), (False, 0), (0, False)])
def test_true_and_one_are_not_confused(orders: tuple[Any, Any]) -> None:
    texts = [dumps(loads(dumps(small(weekly_seasonality=order)))) for order in orders]

    assert [json.loads(text)["weekly_seasonality"] for text in texts] == list(orders)
    assert [type(json.loads(text)["weekly_seasonality"]) for text in texts] == [
        type(order) for order in orders
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '"text"', b"\xff\xfe", '{"params": {"k": [[1]]}}']
)
def test_a_text_that_is_no_model_is_refused(text: str | bytes) -> None:
    with pytest.raises(ModelFormatError, match="not the JSON of a fitted Prophet model"):
        loads(text)


@pytest.mark.parametrize("scale", ["t_scale", "y_scale"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_above_zero_is_refused(scale: str, value: float) -> None:
    with pytest.raises(ModelFormatError):
        loads(json.dumps(json.loads(dumps(small())) | {scale: value}))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ModelFormatError):
        loads("[" * 100_000)


@given(st.data())
@settings(max_examples=200)
def test_a_damaged_text_is_a_model_or_is_refused(data: st.DataObject) -> None:
    content = json.loads(TEXT)
    key = data.draw(st.sampled_from(sorted(content)))
    content[key] = data.draw(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(), st.lists(st.integers()))
    )

    with contextlib.suppress(ModelFormatError):
        loads(json.dumps(content))


@pytest.mark.parametrize("name", ["delta", "beta"])
def test_parameters_of_another_shape_are_refused(name: str) -> None:
    content = json.loads(dumps(small()))
    content["params"][name][0].pop()

    with pytest.raises(ModelFormatError, match="must have one number for each of changepoints_t"):
        loads(json.dumps(content))


def test_a_forecast_does_not_change_the_model() -> None:
    known = small()
    before = dumps(known)

    forecast(known, ForecastOptions(3, components=True))

    assert dumps(known) == before
