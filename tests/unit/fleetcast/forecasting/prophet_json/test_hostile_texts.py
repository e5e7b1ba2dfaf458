"""Whatever a text says, it is a model that forecasts or it is refused."""

import contextlib
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions, Model, SampledModel, dumps, forecast, loads
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
READINGS = 100 + np.random.default_rng(3).normal(size=60).cumsum()


def text(**arguments: Any) -> str:
    model = fit_with(DAYS, READINGS, **arguments)
    assert isinstance(model, Model)
    return dumps(model)


HOLIDAYS = {"ds": ["2024-01-10"], "holiday": ["fair"], "lower_window": [-1], "upper_window": [1]}
TEXTS = [
    text(
        holidays=HOLIDAYS,
        country_holidays="US",
        regressors={"r": np.arange(60.0)},
        conditions={"c": np.arange(60) % 2},
        seasonalities=[{"name": "s", "period": 3, "fourier_order": 1, "condition_name": "c"}],
        keep_history=True,
    ),
    text(growth="logistic", cap=300, floor=10, keep_history=True),
    text(growth="flat", seasonality_mode="multiplicative", keep_history=True),
    text(),
]
HUGE = [1e308, -1e308, 1e30, 1e-308, 2**63, -(2**63), 10**400, 10**12, 10**8, float("inf"), float("nan")]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(HUGE),
    st.sampled_from(
        ["", "ds", "yhat", "\ud800", "NaN", "1", "auto", "x" * 10_000, "2024-01-01T00:00:00.000"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def ask_for_a_forecast(known: Model | SampledModel) -> None:
    """Ask for what a service asks for; a FutureError is an answer, too."""
    with np.errstate(all="ignore"), contextlib.suppress(FutureError):
        for include_history in (False, True):
            table = forecast(
                known,
                ForecastOptions(
                    3,
                    include_history=include_history,
                    components=True,
                    quantiles=[0.1, 0.9],
                    regressors=None if include_history else {"r": 1.0},
                    conditions=None if include_history else {"c": True},
                    cap=None if include_history else 300.0,
                    floor=None if include_history else 10.0,
                ),
            )
            json.dumps([str(name).encode().decode() for name in table])
            assert table["ds"].dtype.kind == "M"
            assert all(len(column) == len(table["ds"]) for column in table.values())


def places(node: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to everything in a JSON content, also in the JSON texts that it holds."""
    if isinstance(node, str) and node[:1] in ("{", "["):
        return [so_far, *places(json.loads(node), (*so_far, "text"))]
    if isinstance(node, dict):
        below = list(node.items())
    else:
        below = list(enumerate(node[:4])) if isinstance(node, list) else []
    return [so_far, *(place for key, child in below for place in places(child, (*so_far, ("at", key))))]


def changed(node: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    if way[0] == "text":
        return json.dumps(changed(json.loads(node), way[1:], value))
    copy = node.copy()
    copy[way[0][1]] = changed(node[way[0][1]], way[1:], value)
    return copy


CONTENTS = [json.loads(each) for each in TEXTS]
PLACES = [(index, place) for index, content in enumerate(CONTENTS) for place in places(content)]


@given(st.sampled_from(PLACES), VALUES)
@settings(max_examples=1_500, suppress_health_check=[HealthCheck.too_slow])
def test_a_text_with_anything_in_any_place_forecasts_or_is_refused(
    where: tuple[int, tuple[Any, ...]], value: Any
) -> None:
    index, place = where
    damaged = json.dumps(changed(CONTENTS[index], place, value))

    with contextlib.suppress(ModelFormatError):
        ask_for_a_forecast(loads(damaged, keep_history=True))


@given(st.data())
@settings(max_examples=300)
def test_a_text_with_any_bytes_exchanged_forecasts_or_is_refused(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(TEXTS)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    with contextlib.suppress(ModelFormatError):
        ask_for_a_forecast(loads(bytes(damaged), keep_history=True))


@given(st.integers(0, 10**6), st.sampled_from(TEXTS))
@settings(max_examples=100)
def test_a_text_cut_anywhere_is_refused(place: int, whole: str) -> None:
    with pytest.raises(ModelFormatError):
        loads(whole[: place % len(whole)])


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 1_000_000,
        '{"a":' * 1_000_000,
        "1" * 5_000_000,
        "[" + "[]," * 5_000_000 + "[]]",
        "[" + '"ab",' * 3_000_000 + '""]',
        "[" + "1.5," * 3_900_000 + "1]",
        '"' + "\\u1234" * 2_000_000 + '"',
        '"' + "\\\\" * 8_000_000 + '"',
    ],
    ids=["lists", "objects", "digits", "empty lists", "strings", "numbers", "escapes", "backslashes"],
)
def test_a_bomb_is_refused_and_takes_less_than_64_mb(bomb: str) -> None:
    tracemalloc.start()

    with pytest.raises(ModelFormatError):
        loads(bomb)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_a_model_of_stock_prophet_with_100_000_readings_is_read_within_64_mb() -> None:
    content = CONTENTS[3]
    row = '{"ds":"2024-01-01T00:00:00.000","y":1.0,"floor":0.0,"t":0.0123456789,"y_scaled":0.123456789}'
    history = '{"schema":{},"data":[' + ",".join([row] * 100_000) + "]}"
    params = {**content["params"], "trend": [[0.123456789] * 100_000]}
    whole = json.dumps({**content, "history": history, "params": params})
    tracemalloc.start()

    known = loads(whole)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert forecast(known, ForecastOptions(2))["yhat"].shape == (2,)
    assert peak < 64 * 2**20


def test_fields_that_prophet_1_0_does_not_write_are_optional() -> None:
    newer = {"scaling", "holidays_mode", "y_min", "fit_kwargs", "fleetcast"}
    older = {name: value for name, value in CONTENTS[0].items() if name not in newer}
    older["history_dates"] = older["history_dates"].replace('000"', '000Z"')

    tables = [
        forecast(loads(json.dumps(each)), ForecastOptions(3, regressors={"r": 1.0}, conditions={"c": True}))
        for each in (CONTENTS[0], older)
    ]

    assert tables[0]["yhat"].tolist() == tables[1]["yhat"].tolist()
    assert tables[0]["ds"].tolist() == tables[1]["ds"].tolist()


def hostile(index: int, *way: Any, value: Any) -> str:
    return json.dumps(changed(CONTENTS[index], tuple(w if w == "text" else ("at", w) for w in way), value))


def test_a_refusal_is_short_even_if_the_name_in_it_is_long() -> None:
    with pytest.raises(ModelFormatError) as refused:
        loads(hostile(0, "extra_regressors", value=[["x_delim_" * 10_000], {"x_delim_" * 10_000: {}}]))

    assert len(str(refused.value)) < 400


def test_an_unknown_country_is_refused_when_its_holidays_are_needed() -> None:
    content = {**CONTENTS[0], "country_holidays": "Atlantis"}
    known = loads(json.dumps({**content, "fleetcast": {"engine": "prophet", "rows": 60}}))

    with pytest.raises(FutureError, match="country_holidays must be a country"):
        forecast(known, ForecastOptions(3, regressors={"r": 1.0}, conditions={"c": True}))


def test_a_forecast_over_thousands_of_years_with_holidays_is_refused() -> None:
    with pytest.raises(FutureError, match="at most 100 years"):
        forecast(loads(TEXTS[0]), ForecastOptions(1000, "YS", regressors={"r": 1.0}, conditions={"c": True}))
