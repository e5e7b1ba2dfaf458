"""What the fields of a request do to its forecast."""

import json
import re
from functools import lru_cache

import numpy as np
import pytest

from fleetcast.forecasting import Model
from serving.models import Forecaster
from testbed.preparation import fit_with
from tests.unit.serving.request.asking import DAY, START, ask, error, forecaster, rows


@pytest.mark.parametrize(
    ("step", "metadata", "fields", "hours"),
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
def test_without_freq_the_steps_are_as_long_as_in_the_history(
    step: np.timedelta64, metadata: str, fields: dict[str, object], hours: float, records: int
) -> None:
    body = {"requests": [fields | {"period": 3}] * records}

    answer = ask(body, find=lambda _: forecaster(step=step, metadata=metadata), model="7")

    for response in json.loads(answer.body)["responses"]:
        ds = np.array([row["ds"] for row in response["predictions"]], "datetime64[us]")
        assert (np.diff(ds) / np.timedelta64(1, "m") == hours * 60).all()


def test_a_forecast_of_named_times_is_in_ascending_order() -> None:
    times = ["2026-03-01T12:00", "2026-01-01", "2026-02-01T00:00:00+01:00"]

    forecast_rows = [row["ds"] for row in rows(ask({"target_model": "7", "ds": times}))]

    assert forecast_rows == ["2026-01-01T00:00:00", "2026-01-31T23:00:00", "2026-03-01T12:00:00"]


@pytest.mark.parametrize("time", ["today", "now", "NaT", "", "2026", "2026-13-01", "01/02/2026", "soon"])
def test_an_invalid_time_is_refused_with_its_index(time: str) -> None:
    assert "ds[1]" in error(ask({"target_model": "7", "ds": ["2026-01-15", time]}))


def test_each_value_belongs_to_the_time_with_the_same_index() -> None:
    ds = START + np.arange(60) * DAY
    promo = (np.arange(60) % 3 == 0).astype(float)
    y = 100 + 50 * promo + np.sin(np.arange(60.0))
    model = fit_with(ds, y, regressors={"promo": promo}, weekly_seasonality=False, yearly_seasonality=False)
    assert isinstance(model, Model)
    body = {"ds": ["2024-04-02", "2024-04-01", "2024-04-03"], "regressors": {"promo": [False, True, 0]}}

    forecast_rows = rows(ask(body | {"target_model": "7"}, find=lambda _: Forecaster(model)))

    assert [round(row["yhat"], -1) for row in forecast_rows] == [150, 100, 100]


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
def test_values_for_other_rows_or_another_model_are_refused(values: dict[str, object]) -> None:
    assert re.search("promo|summer", error(ask(values | {"target_model": "7"}, find=lambda _: conditional())))


@pytest.mark.parametrize("summer", [[True, False, 1, 0, True, 1.0, 0.0], True, 0])
def test_conditions_may_be_booleans_zeros_and_ones(summer: object) -> None:
    values = {"regressors": {"promo": [True, False, 1, 0, 0.5, 1, 0]}, "conditions": {"summer": summer}}

    assert len(rows(ask(values | {"target_model": "7"}, find=lambda _: conditional()))) == 7


@lru_cache
def conditional() -> Forecaster:
    """Return a model with a regressor and a seasonality that has a condition."""
    even, days = np.arange(60) % 2 == 0, np.arange(60.0)
    model = fit_with(
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


@pytest.mark.parametrize(
    ("metadata", "fields", "is_cut"),
    [
        ("{}", {}, False),
        ("{}", {"non_negative": True}, True),
        ('{"non_negative": true}', {}, True),
        ('{"non_negative": true}', {"non_negative": False}, False),
        ('{"non_negative": "no"}', {}, False),
    ],
)
@pytest.mark.parametrize("records", [1, 2])
def test_non_negative_comes_from_the_request_or_else_from_the_archive(
    metadata: str, fields: dict[str, object], records: int, *, is_cut: bool
) -> None:
    below = forecaster(level=-3.0, metadata=metadata)

    answer = ask({"requests": [fields] * records}, find=lambda _: below, model="7")

    for response in json.loads(answer.body)["responses"]:
        assert (min(row["yhat_lower"] for row in response["predictions"]) >= 0) == is_cut


def test_each_requested_quantile_has_a_column() -> None:
    (row,) = rows(ask({"target_model": "7", "period": 1, "quantiles": [0.1234567, 0.5, 1e-7]}))

    assert set(row) == {"ds", "yhat_lower", "yhat_upper", "yhat", "yhat_0.1234567", "yhat_0.5", "yhat_1e-07"}


@pytest.mark.parametrize(
    "fields",
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
def test_an_option_that_the_model_cannot_use_is_refused_by_name(
    fields: dict[str, object], records: int
) -> None:
    answer = ask({"requests": [fields | {"target_model": "7"}] * records})

    for response in json.loads(answer.body)["responses"]:
        assert next(iter(fields)) in response["error"]["message"]
