"""One request's answer: whose it is, what it leaves out, and how much may be asked for."""

import csv
import gzip
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import Model, dumps, fit
from serving.errors import ModelNotFoundError, UnavailableError
from serving.models.load import Forecaster, load_packed
from serving.request.respond import Answer, answer, answer_in_steps
from serving.request.turns import Turn, Turns
from serving.request.work import MOST_ANSWER_BYTES, MOST_CELLS, MOST_GROUPS

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
DAY = np.timedelta64(1, "D")
START = np.datetime64("2024-01-01", "us")


@lru_cache
def forecaster(
    *, step: np.timedelta64 = DAY, level: float = 100.0, metadata: str = "{}", **settings: Any
) -> Forecaster:
    model = fit(
        START + step * np.arange(60),
        level + np.sin(np.arange(60.0)),
        weekly_seasonality=False,
        daily_seasonality=False,
        **settings,
    )
    assert isinstance(model, Model)
    return load_packed(pack(Archive(dumps(model), json.loads(metadata))))


def only_known(name: str) -> Forecaster:
    """Return the model of the customers 7 and 8, of whom no other is known."""
    if name.removesuffix(".tar.gz") not in {"7", "8"}:
        raise ModelNotFoundError("there is no such model in the model store")
    return forecaster()


def ask(body: object, *, kind: str = JSON, find: Any = only_known, **options: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    accept = options.pop("accept", None)
    return answer(content, content_type=kind, accept=accept, find=find, **options)


def rows(answered: Answer) -> list[dict[str, Any]]:
    assert answered.status == HTTPStatus.OK, answered.body
    found: list[dict[str, Any]] = json.loads(answered.body)["predictions"]
    return found


def error(answered: Answer) -> str:
    assert answered.status == HTTPStatus.BAD_REQUEST, answered.body[:200]
    return str(json.loads(answered.body)["error"]["message"])


ANONYMOUS = b"target_model,period\n7,1\nnobody,1\n8,0\n9,x\n8,1\n"


@pytest.mark.parametrize("accept", [JSON, LINES])
def test_an_error_names_its_record_by_customer_and_place(accept: str) -> None:
    answered = ask(ANONYMOUS, kind=CSV, accept=accept)

    lines = answered.body.splitlines()
    records = json.loads(answered.body)["responses"] if accept == JSON else list(map(json.loads, lines))
    failed = {each["record"]: each["target_model"] for each in records if "error" in each}
    assert [each["target_model"] for each in records] == ["7", "nobody", "8", "9", "8"]
    assert failed == {1: "nobody", 2: "8", 3: "9"}
    assert (answered.errors, answered.forecasts) == (3, ("7", "8"))


def test_an_error_in_csv_names_its_record_by_customer_and_place() -> None:
    answered = ask(ANONYMOUS, kind=CSV)

    table = list(csv.DictReader(StringIO(answered.body.decode())))
    failed = [(row["record"], row["target_model"]) for row in table if row["error"]]
    good = [(row["record"], row["target_model"]) for row in table if row["yhat"]]
    assert failed == [("1", "nobody"), ("2", "8"), ("3", "9")]
    assert good == [("0", "7"), ("4", "8")]


def test_the_error_of_a_single_record_names_the_customer() -> None:
    answered = ask({"target_model": "nobody.tar.gz"})

    assert answered.status == HTTPStatus.NOT_FOUND
    assert json.loads(answered.body)["target_model"] == "nobody"


def test_an_answer_without_errors_has_no_columns_for_them() -> None:
    answered = ask(b"target_model,period\n7,1\n8,1\n", kind=CSV)

    assert answered.body.splitlines()[0] == b"target_model,ds,yhat_lower,yhat_upper,yhat"


@pytest.mark.parametrize(
    ("metadata", "customer", "name"),
    [
        ("{}", None, "4f0c"),
        ('{"customer": "7"}', None, "7"),
        ('{"customer": "7"}', "8", "8"),
        ("{}", "8", "8"),
    ],
)
@pytest.mark.parametrize("body", [b'{"period": 1}', b'{"target_model": "4f0c", "period": 1}'])
def test_where_the_route_names_a_key_the_answer_names_the_customer(
    metadata: str, customer: str | None, name: str, body: bytes
) -> None:
    asked: list[str] = []

    def find(key: str) -> Forecaster:
        asked.append(key)
        return forecaster(metadata=metadata)

    answered = ask(body, find=find, target_model="4f0c", customer=customer)

    assert json.loads(answered.body)["target_model"] == name
    assert answered.forecasts == (name,)
    assert asked == ["4f0c"]


def test_a_record_that_names_another_customer_than_the_route_is_refused() -> None:
    rows = b"target_model,period\n7,1\n8,1\n7.tar.gz,1\n"

    answered = ask(
        rows, find=lambda _: forecaster(), kind=CSV, accept=LINES, target_model="4f0c", customer="7"
    )

    lines = list(map(json.loads, answered.body.splitlines()))
    assert ["error" in line for line in lines] == [False, True, False]
    assert "names another model than the route, which is '7'" in lines[1]["error"]["message"]
    assert answered.forecasts == ("7", "7")


@pytest.mark.parametrize(
    ("step", "metadata", "wanted", "hours"),
    [
        (np.timedelta64(1, "h"), "{}", {}, 1),
        (np.timedelta64(1, "h"), "{}", {"freq": None}, 1),
        (np.timedelta64(15, "m"), "{}", {}, 0.25),
        (np.timedelta64(1, "h"), '{"freq": "2h"}', {}, 2),
        (np.timedelta64(1, "h"), '{"freq": null}', {}, 1),
        (np.timedelta64(1, "h"), '{"freq": "2h"}', {"freq": "D"}, 24),
        (np.timedelta64(7, "D"), "{}", {}, 168),
    ],
)
@pytest.mark.parametrize("records", [1, 3])
def test_without_freq_the_steps_are_those_of_the_history(
    step: np.timedelta64, metadata: str, wanted: dict[str, object], hours: float, records: int
) -> None:
    body = {"requests": [wanted | {"period": 3}] * records}

    answered = ask(body, find=lambda _: forecaster(step=step, metadata=metadata), target_model="7")

    for response in json.loads(answered.body)["responses"]:
        ds = np.array([row["ds"] for row in response["predictions"]], "datetime64[us]")
        assert (np.diff(ds) / np.timedelta64(1, "m") == hours * 60).all()


def test_times_that_are_named_are_answered_in_their_order_of_time() -> None:
    times = ["2026-03-01T12:00", "2026-01-01", "2026-02-01T00:00:00+01:00"]

    found = [row["ds"] for row in rows(ask({"target_model": "7", "ds": times}))]

    assert found == ["2026-01-01T00:00:00", "2026-01-31T23:00:00", "2026-03-01T12:00:00"]


@pytest.mark.parametrize("time", ["today", "now", "NaT", "", "2026", "2026-13-01", "01/02/2026", "soon"])
def test_a_time_that_is_none_is_refused_by_its_place(time: str) -> None:
    assert "ds[1]" in error(ask({"target_model": "7", "ds": ["2026-01-15", time]}))


def test_values_follow_the_times_they_were_sent_with() -> None:
    ds = START + np.arange(60) * DAY
    promo = (np.arange(60) % 3 == 0).astype(float)
    y = 100 + 50 * promo + np.sin(np.arange(60.0))
    model = fit(ds, y, regressors={"promo": promo}, weekly_seasonality=False, yearly_seasonality=False)
    assert isinstance(model, Model)
    body = {"ds": ["2024-04-02", "2024-04-01", "2024-04-03"], "regressors": {"promo": [False, True, 0]}}

    found = rows(ask(body | {"target_model": "7"}, find=lambda _: Forecaster(model)))

    assert [round(row["yhat"], -1) for row in found] == [150, 100, 100]


@pytest.mark.parametrize(
    "values",
    [
        {"regressors": {"promo": [1, 2]}, "conditions": {"summer": True}},
        {"regressors": {"promo": []}, "conditions": {"summer": True}},
        {"regressors": {"promo": 1}, "conditions": {"summer": [True, False]}},
        {"regressors": {"promo": 1}, "conditions": {"summer": 2}},
        {"regressors": {"promo": 1}},
        {"conditions": {"summer": True}},
    ],
)
def test_values_that_do_not_fit_the_rows_or_the_model_are_refused(values: dict[str, object]) -> None:
    assert re.search("promo|summer", error(ask(values | {"target_model": "7"}, find=lambda _: conditional())))


@pytest.mark.parametrize("summer", [[True, False, 1, 0, True, 1.0, 0.0], True, 0])
def test_conditions_may_be_zero_and_one(summer: object) -> None:
    values = {"regressors": {"promo": [True, False, 1, 0, 0.5, 1, 0]}, "conditions": {"summer": summer}}

    assert len(rows(ask(values | {"target_model": "7"}, find=lambda _: conditional()))) == 7


@lru_cache
def conditional() -> Forecaster:
    """Return a model with a regressor and a seasonality that has a condition."""
    even, days = np.arange(60) % 2 == 0, np.arange(60.0)
    model = fit(
        START + np.arange(60) * DAY,
        100 + 5 * even + np.sin(days) + 3 * (days % 3 == 0),
        regressors={"promo": (days % 3 == 0).astype(float)},
        conditions={"summer": even},
        seasonalities=[{"name": "week", "period": 7, "fourier_order": 1, "condition_name": "summer"}],
        weekly_seasonality=False,
        yearly_seasonality=False,
        daily_seasonality=False,
    )
    assert isinstance(model, Model)
    return Forecaster(model)


def test_the_rows_of_the_history_count_too() -> None:
    kept = forecaster(keep_history=True)
    body = {"requests": [{"period": 1, "include_history": True, "target_model": "7"}] * 17_000}

    message = error(ask(body, find=lambda _: kept))

    assert f"{17_000 * 61 * 4} cells" in message


@pytest.mark.parametrize(
    ("metadata", "wanted", "is_cut"),
    [
        ("{}", {}, False),
        ("{}", {"non_negative": True}, True),
        ('{"non_negative": true}', {}, True),
        ('{"non_negative": true}', {"non_negative": False}, False),
        ('{"non_negative": "no"}', {}, False),
    ],
)
@pytest.mark.parametrize("records", [1, 2])
def test_forecasts_stay_at_zero_or_above_where_that_is_wanted(
    metadata: str, wanted: dict[str, object], records: int, *, is_cut: bool
) -> None:
    below = forecaster(level=-3.0, metadata=metadata)

    answered = ask({"requests": [wanted] * records}, find=lambda _: below, target_model="7")

    for response in json.loads(answered.body)["responses"]:
        assert (min(row["yhat_lower"] for row in response["predictions"]) >= 0) == is_cut


def test_every_quantile_that_is_asked_for_is_answered() -> None:
    (row,) = rows(ask({"target_model": "7", "period": 1, "quantiles": [0.1234567, 0.5, 1e-7]}))

    assert set(row) == {"ds", "yhat_lower", "yhat_upper", "yhat", "yhat_0.1234567", "yhat_0.5", "yhat_1e-07"}


@pytest.mark.parametrize(
    "wanted",
    [
        {"cap": 5},
        {"floor": 0},
        {"regressors": {"nobody": 1}},
        {"conditions": {"nobody": True}},
        {"freq": "999999999999999999D"},
        {"freq": "99999999999999W", "period": 9_999},
        {"freq": "9999999999999999MS"},
        {"freq": "9999999999999B"},
        {"freq": "1e9D"},
        {"freq": "9999999999h", "period": 9_999},
        {"freq": "nonsense"},
    ],
)
@pytest.mark.parametrize("records", [1, 2])
def test_what_a_model_cannot_do_is_refused_by_name(wanted: dict[str, object], records: int) -> None:
    answered = ask({"requests": [wanted | {"target_model": "7"}] * records})

    for response in json.loads(answered.body)["responses"]:
        assert next(iter(wanted)) in response["error"]["message"]


def wide(records: int) -> dict[str, Any]:
    quantiles = [number / 100 for number in range(1, 100)]
    wanted = {"period": 10_000, "freq": "h", "quantiles": quantiles, "components": True, "target_model": "7"}
    return {"requests": [wanted] * records}


MANY_OPTIONS = [
    {
        "target_model": "7",
        "period": 1,
        "quantiles": [round((record * 99 + at + 1) / 1e6, 6) for at in range(99)],
    }
    for record in range(300)
]


ALL_DIFFERENT = {
    "requests": [
        {"target_model": "7", "period": 1, "interval_width": place / 50_000} for place in range(45_000)
    ]
}


@pytest.mark.parametrize(
    ("body", "accept", "bound"),
    [
        (wide(12), JSON, MOST_CELLS),
        ({"requests": [{"period": 10_000, "components": True, "target_model": "7"}] * 100}, JSON, MOST_CELLS),
        ({"requests": [{"period": 10_000, "target_model": "7"}] * 101}, CSV, MOST_CELLS),
        ({"requests": MANY_OPTIONS}, CSV, MOST_CELLS),
        (ALL_DIFFERENT, JSON, MOST_GROUPS),
    ],
)
def test_an_answer_that_is_too_much_is_refused_before_it_is_begun(
    body: object, accept: str, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    for name in ("forecast", "forecast_many"):
        monkeypatch.setattr(f"serving.request.respond.{name}", lambda *arguments: begun.append(arguments))

    message = error(ask(body, accept=accept))

    assert str(bound) in message
    assert begun == []


def test_long_names_count_where_each_row_repeats_them() -> None:
    body = {"requests": [{"period": 10_000, "target_model": "7" * 1_000}] * 20}

    message = error(ask(body, find=lambda _: forecaster(), accept=CSV))

    assert f"{MOST_ANSWER_BYTES} are allowed: send fewer records" in message
    assert ask(body, find=lambda _: forecaster(), accept=JSON).status == HTTPStatus.OK


def test_one_record_that_is_too_much_for_its_model_fails_alone() -> None:
    logistic = forecaster(growth="logistic", cap=200.0)
    much = {"period": 10_000, "cap": 200, "quantiles": [0.1, 0.5, 0.9]}
    body = {"requests": [much, {"period": 2, "cap": 200}]}

    first, second = json.loads(ask(body, find=lambda _: logistic, target_model="7").body)["responses"]

    assert "30000" in first["error"]["message"]
    assert len(second["predictions"]) == 2


def test_a_million_rows_of_the_usual_columns_are_allowed() -> None:
    body = {"requests": [{"period": 10_000, "target_model": "7"}] * 100}

    answered = ask(body)

    assert answered.status == HTTPStatus.OK
    assert len(answered.body) < MOST_ANSWER_BYTES


def peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def test_a_hundred_thousand_errors_cost_little_memory() -> None:
    body = b"".join(b'{"target_model": "nobody%d"}\n' % number for number in range(100_000))
    ask(body[:100_000], kind=LINES)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_megabytes()

    answered = ask(body, kind=LINES)

    assert answered.errors == 100_000
    assert peak_megabytes() - before < 120


def test_a_gzipped_request_is_answered_as_the_plain_one() -> None:
    body = b'{"target_model": "7", "period": 3}'

    assert ask(gzip.compress(body), content_encoding="gzip") == ask(body)
    assert ask(body, content_encoding="br").status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert ask(gzip.compress(bytes(1_000)), content_encoding="gzip", most_bytes=100).status == 413


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    queue = Turns(most_waiting=1)
    monkeypatch.setattr("serving.request.respond.turns", queue)
    yield queue
    assert not queue


def large() -> Any:
    body = json.dumps({"requests": [{"period": 10_000, "target_model": "7"}] * 5}).encode()
    return answer_in_steps(body, content_type=JSON, accept=None, find=only_known)


def take(steps: Any, count: int) -> Answer | None:
    try:
        for _ in range(count):
            next(steps)
    except StopIteration as end:
        answered: Answer = end.value
        return answered
    return None


@pytest.mark.usefixtures("turns")
def test_large_requests_take_turns_and_small_ones_need_none() -> None:
    first, second, third = large(), large(), large()
    assert take(first, 3) is None

    waiting = take(second, 10_000)
    refused = take(third, 10_000)
    small = ask({"target_model": "7"})
    done = take(first, 10_000)
    after = take(second, 10_000)

    assert waiting is None
    assert refused is not None
    assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert small.status == HTTPStatus.OK
    assert done is not None
    assert done == after


@pytest.mark.usefixtures("turns")
def test_a_large_request_that_is_given_up_lets_the_next_one_work() -> None:
    first, second = large(), large()
    take(first, 3)
    take(second, 3)

    first.close()

    assert take(second, 10_000) is not None


def test_a_turn_that_cannot_be_had_leaves_the_queue_as_it_is() -> None:
    queue = Turns(most_waiting=0)
    with Turn(queue, wait=lambda: None) as first:
        list(first.take())
        with pytest.raises(UnavailableError), Turn(queue, wait=lambda: None) as second:
            list(second.take())
        assert queue

    assert not queue
