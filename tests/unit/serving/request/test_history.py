"""The global model forecasts a customer by the readings in the request; only there, and only with them."""

import json
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import GLOBAL_NAME
from serving.models import Forecaster, load_packed
from serving.request import RequestBudget, field_table
from serving.request.schema import as_request
from testbed.global_models import packed_global_model
from tests.unit.serving.request.asking import CSV, LINES, ask, error, find_7_or_8, rows

HOUR = np.timedelta64(1, "h")
START = np.datetime64("2025-03-01T00", "us")
GLOBAL = load_packed(packed_global_model())


def find(name: str) -> Forecaster:
    """Return the global model, or one of the customers' models."""
    return GLOBAL if name.removesuffix(".tar.gz") == GLOBAL_NAME else find_7_or_8(name)


def history(count: int = 24 * 14, **fields: Any) -> dict[str, Any]:
    """Return two weeks of hourly readings with a daily season."""
    ds = [str(time) for time in START + HOUR * np.arange(count)]
    y = (100 + 10 * np.sin(2 * np.pi * np.arange(count) / 24)).tolist()
    return {"ds": ds, "y": y} | fields


def record(**fields: Any) -> dict[str, Any]:
    return {"target_model": GLOBAL_NAME, "history": history()} | fields


def forecast(**fields: Any) -> list[dict[str, Any]]:
    return rows(ask(record(**fields), find=find))


def refusal(**fields: Any) -> str:
    return error(ask(record(**fields), find=find))


def test_a_forecast_begins_after_the_last_reading_and_has_the_usual_columns() -> None:
    found = forecast(period=5)

    assert [row["ds"] for row in found] == [f"2025-03-15T0{hour}:00:00" for hour in range(5)]
    assert {"yhat", "yhat_lower", "yhat_upper"} < set(found[0])
    assert all(row["yhat_lower"] <= row["yhat"] <= row["yhat_upper"] for row in found)


def test_weeks_are_counted_from_the_last_reading_on_whatever_weekday() -> None:
    weekly = load_packed(packed_global_model("W-MON"))
    wednesdays = np.datetime64("2024-01-03") + 7 * np.arange(60)
    sent = {"ds": list(map(str, wednesdays)), "y": np.sin(np.arange(60) / 8).tolist()}

    found = rows(ask({"target_model": GLOBAL_NAME, "history": sent, "period": 2}, find=lambda _: weekly))

    assert [row["ds"] for row in found] == ["2025-02-26T00:00:00", "2025-03-05T00:00:00"]


@pytest.mark.parametrize("freq", ["h", "60min", None])
def test_a_request_may_name_the_models_step(freq: str | None) -> None:
    assert forecast(freq=freq) == forecast()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"freq": "D"}, "freq must be 'h', the step of the global model"),
        ({"components": True}, "components: a forecast from a history has none"),
        ({"include_history": True}, "include_history: a forecast from a history"),
        ({"regressors": {"x": 1}}, "regressors: this model does not use 'x'"),
        ({"cap": 1}, "cap has no use"),
        ({"ds": ["2025-03-01T00"]}, "ds must be later than the last reading of the history"),
        ({"history": history(30)}, "history must span at least 72 steps of 'h'"),
        ({"history": {"ds": ["2025-03-01"], "y": [None]}}, "history has no reading"),
    ],
)
def test_options_and_histories_that_it_cannot_forecast_are_400(fields: dict[str, Any], message: str) -> None:
    assert refusal(**fields).startswith(message)


def test_times_may_be_named() -> None:
    found = forecast(ds=["2025-03-16T12:30", "2025-03-15T01:00+01:00"])

    assert [row["ds"] for row in found] == ["2025-03-15T00:00:00", "2025-03-16T12:30:00"]


def test_quantiles_become_columns() -> None:
    assert {"yhat_0.1", "yhat_0.9"} < set(forecast(quantiles=[0.1, 0.9])[0])


def test_the_name_of_the_model_may_be_the_archives_or_stand_in_the_route() -> None:
    in_record = ask(record(target_model=f"{GLOBAL_NAME}.tar.gz"), find=find)
    in_route = ask(
        {"history": history()}, find=lambda _: GLOBAL, model="0c3ffe", customer=f"{GLOBAL_NAME}.tar.gz"
    )

    assert rows(in_record) == rows(in_route)
    assert json.loads(in_record.body)["target_model"] == json.loads(in_route.body)["target_model"]
    assert json.loads(in_route.body)["target_model"] == GLOBAL_NAME


def test_readings_may_come_in_any_order() -> None:
    ordered = history()
    order = np.random.default_rng(0).permutation(len(ordered["ds"]))
    shuffled = {name: [values[place] for place in order] for name, values in ordered.items()}

    assert forecast(history=shuffled) == forecast(history=ordered)


def test_times_with_an_offset_are_converted_to_utc() -> None:
    ahead = {"ds": [f"{START + HOUR * (hour + 2)}+02:00" for hour in range(24 * 14)]}

    assert forecast(history=history(**ahead)) == forecast()


def test_null_is_a_missing_reading() -> None:
    readings = history()
    whole = forecast(history=readings)
    readings["y"][100] = None

    found = forecast(history=readings)
    assert [row["ds"] for row in found] == [row["ds"] for row in whole]


@pytest.mark.parametrize("body", [{}, {"period": 3}, {"history": None}])
def test_the_global_model_without_history_is_400_with_what_to_send(body: dict[str, Any]) -> None:
    message = error(ask({"target_model": GLOBAL_NAME} | body, find=find))

    assert message == (
        'the global model forecasts from the readings in a request: add "history": {"ds": ["2025-01-01", '
        '...], "y": [1.5, ...]}, in JSON or JSON Lines'
    )


def test_history_for_a_customers_own_model_is_400_with_what_to_do() -> None:
    assert refusal(target_model="7") == (
        "history is for the global model, and this customer's model has learned its readings already: leave "
        'history out, or request the model "global_model"'
    )


def test_records_for_the_global_model_and_for_customers_may_be_mixed_and_fail_alone() -> None:
    records = [record(period=2), {"target_model": "7"}, {"target_model": GLOBAL_NAME}, record(period=3)]
    records += [record(target_model="8"), record(history=history(y=[1]))]
    lines = "\n".join(map(json.dumps, records)).encode()

    answered = [json.loads(line) for line in ask(lines, media_type=LINES, find=find).body.splitlines()]

    assert [len(each.get("predictions", ())) for each in answered] == [2, 7, 0, 3, 0, 0]
    assert [each["error"]["code"] for each in answered if "error" in each] == ["BAD_REQUEST"] * 3
    names = [each["target_model"] for each in answered]
    assert names == [GLOBAL_NAME, "7", GLOBAL_NAME, GLOBAL_NAME, "8", GLOBAL_NAME]


def test_equal_options_with_other_readings_have_forecasts_of_their_own() -> None:
    low, high = history(), history()
    high["y"] = [1_000 + value for value in high["y"]]
    answer = ask({"requests": [record(history=low), record(history=high)]}, find=find)
    first, second = json.loads(answer.body)["responses"]

    difference = second["predictions"][0]["yhat"] - first["predictions"][0]["yhat"]
    assert difference == pytest.approx(1_000)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (history(y=[1.0, 2.0]), "history: ds has 336 times and y 2 readings; send as many of both"),
        ({"ds": [], "y": []}, "history.ds: expected array of length >= 1"),
        (history(10_001), "history.ds: expected array of length <= 10000"),
        ({"ds": ["2025-03-01"]}, "history: object missing required field y"),
        ({"y": [1.0]}, "history: object missing required field ds"),
        (history() | {"x": [1]}, "history: object contains unknown field x"),
        ([["2025-03-01", 1.0]], "history: expected object | null, got array"),
        ("x", "history: expected object | null, got str"),
        ({"ds": [1740787200], "y": [1.0]}, "history.ds[0]: expected str, got int"),
        ({"ds": ["2025-03-01"], "y": ["1"]}, "history.y[0]: expected float | null, got str"),
        ({"ds": ["2025-03-01"], "y": [True]}, "history.y[0]: expected float | null, got bool"),
        ({"ds": ["2025-03-01"], "y": [1e31]}, "history.y[0]: expected float <= 1e+30"),
        ({"ds": ["2025-03-01"], "y": [-1e31]}, "history.y[0]: expected float >= -1e+30"),
        ({"ds": ["2025-03-01", "soon"], "y": [1, 2]}, "history.ds[1], 'soon', is not a time such as"),
        ({"ds": ["2025-03-01", ""], "y": [1, 2]}, "history.ds[1], '', "),
    ],
)
def test_readings_that_cannot_be_used_are_400_with_the_field_and_what_it_accepts(
    sent: object, message: str
) -> None:
    assert refusal(history=sent).startswith(message)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_numbers_that_json_or_float_does_not_have_are_400(number: str) -> None:
    text = json.dumps(record(history={"ds": ["2025-03-01"], "y": [0]})).replace("[0]", f"[{number}]")

    assert ask(text.encode(), find=find).status == 400


def test_10_000_readings_are_accepted() -> None:
    assert len(forecast(history=history(10_000), period=3)) == 3


def test_csv_cannot_send_history_and_the_error_names_the_types_that_can() -> None:
    body = f"target_model,history\n{GLOBAL_NAME},[1]\n{GLOBAL_NAME},\n".encode()
    answer = ask(body, media_type=CSV, accept="application/json", find=find)
    first, second = json.loads(answer.body)["responses"]

    assert (
        first["error"]["message"] == "history cannot be sent as CSV; send this record as JSON or JSON Lines"
    )
    assert "in JSON or JSON Lines" in second["error"]["message"]


def test_the_response_may_be_csv() -> None:
    lines = ask(record(period=2), accept=CSV, find=find).body.decode().splitlines()

    assert lines[0].startswith("target_model,ds,")
    assert [line.split(",")[0] for line in lines[1:]] == [GLOBAL_NAME] * 2


def test_a_forecast_beyond_the_limit_of_cells_is_refused() -> None:
    answer = ask(record(period=10_000), find=find, budget=RequestBudget(max_forecast_cells=10_000))

    assert "ask for a shorter period" in error(answer)


def test_a_request_with_history_shares_its_computation_with_no_other() -> None:
    assert not as_request(json.dumps(record()).encode()).can_share


def test_forecasts_from_histories_count_as_more_cells_than_they_have() -> None:
    few = {"ds": ["2025-03-01"], "y": [1]}
    body = {"requests": [record(history=few, period=1)] * 4_000}

    assert f"{4_000 * (4 + 1_000 + 8)} cells" in error(ask(body, find=find))


def test_the_table_of_fields_has_history() -> None:
    assert "| `history` | none | `{" in field_table()
