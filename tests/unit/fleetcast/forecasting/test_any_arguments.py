"""Fits and forecasts with any arguments have finite numbers, or an error that gives the reason."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleetcast.errors import FitError, FutureError, HistoryError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from fleetcast.forecasting.predict.point_forecast import Table
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
Y = 10 + np.sin(np.arange(60.0)) + np.random.default_rng(1).normal(0, 0.1, 60)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def assert_the_same(one: Table, other: Table) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        assert values.tobytes() == other[name].tobytes(), name


def columns(rows: int) -> dict[str, Any]:
    return {
        "regressors": {"r": np.arange(rows) % 4, "flag": np.arange(rows) % 3 == 0},
        "conditions": {"open": np.arange(rows) % 5 > 0},
    }


@st.composite
def fits(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, dict[str, Any], dict[str, Any]]:
    """Return timestamps, readings, arguments of a fit, and what a forecast of 5 rows needs besides."""
    rows = draw(st.sampled_from([3, 20, 50, 80]))
    step = draw(st.sampled_from([60_000_000, 3_600_000_000, 86_400_000_000, 30 * 86_400_000_000]))
    start = draw(st.integers(-10_000, 20_000)) * 86_400_000_000
    ds = (start + step * np.arange(rows)).view("datetime64[us]")
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.sampled_from([0.0, 1e-33, 1e-20, 1e-3, 1.0, 1e6, 1e25, 1e32]))
    y = size * (draw(st.sampled_from([0.0, 1.0, -5.0])) + chance.normal(size=rows))
    growth = draw(st.sampled_from(["linear", "flat", "logistic"]))
    arguments: dict[str, Any] = {
        "growth": growth,
        "scaling": draw(st.sampled_from(["absmax", "minmax"])),
        "seasonality_mode": draw(st.sampled_from(["additive", "multiplicative"])),
        "n_changepoints": draw(st.sampled_from([0, 3, 25])),
        "changepoint_prior_scale": draw(st.sampled_from([1e-3, 0.05, 10.0])),
        "uncertainty_samples": draw(st.sampled_from([0, 1000])),
        "interval_width": draw(st.sampled_from([0.0, 0.8, 1 - 1e-15])),
    }
    future: dict[str, Any] = {}
    if growth == "logistic":
        arguments["cap"] = future["cap"] = float(y.max() + size)
        if draw(st.booleans()):
            arguments["floor"] = future["floor"] = float(y.min())
    if draw(st.booleans()):
        arguments |= columns(rows)
        future |= columns(5)
        arguments["seasonalities"] = [
            {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "open"}
        ]
    if draw(st.booleans()):
        arguments["country_holidays"] = "US"
    return ds, y, arguments, future


@given(fits())
@hypothesis_settings(max_examples=30)
def test_a_model_forecasts_the_same_after_it_was_written_and_read(
    case: tuple[np.ndarray, np.ndarray, dict[str, Any], dict[str, Any]],
) -> None:
    ds, y, arguments, future = case
    try:
        model = fit_with(ds, y, **arguments)
    except (HistoryError, FitError):
        return

    table = forecast(model, ForecastOptions(5, "D", quantiles=[0.3], components=True, **future))

    assert isinstance(model, Model)
    assert all(np.isfinite(values).all() for name, values in table.items() if name != "ds")
    again = loads(dumps(model))
    assert_the_same(
        forecast(again, ForecastOptions(5, "D", quantiles=[0.3], components=True, **future)), table
    )
    assert dumps(again) == dumps(model)


def models() -> dict[str, Model]:
    found = {
        "linear": fit_with(DAYS, Y),
        "logistic": fit_with(DAYS, Y, growth="logistic", cap=20.0, floor=1.0),
        "with columns": fit_with(
            DAYS,
            Y,
            regressors={"r": Y * Y},
            conditions={"open": Y > 10},
            seasonalities=[{"name": "s", "period": 7, "fourier_order": 2, "condition_name": "open"}],
        ),
    }
    return {name: model for name, model in found.items() if isinstance(model, Model)}


MODELS = models()
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.one_of(st.floats(), st.integers(), st.text(max_size=3)), max_size=4),
)
ARGUMENTS = {
    "periods": st.one_of(st.integers(-1, 400), ANYTHING),
    "freq": st.one_of(
        st.sampled_from(["D", "h", "MS", "B", "W", "1000000D", "99999999YS", "999999999999999999D", "us"]),
        ANYTHING,
    ),
    "ds": st.one_of(
        st.lists(
            st.sampled_from(
                [
                    *("2024-03-01", "2024-02-30", "NaT", "today", "20240301", "9999-12-31", "10000-01-01"),
                    *("0001-01-01", "-001-01-01", "2024-03-01T05", "2024-03-01+01:00", "", "2024"),
                ]
            ),
            max_size=5,
        ),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(lambda x: np.array(x, "datetime64[us]")),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(lambda x: np.array(x, "datetime64[D]")),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(lambda x: np.array(x, "datetime64[ns]")),
        ANYTHING,
    ),
    "quantiles": st.one_of(st.none(), st.lists(st.one_of(st.floats(), st.text(max_size=2)), max_size=3)),
    "interval_width": ANYTHING,
    "regressors": st.one_of(st.none(), st.fixed_dictionaries({"r": ANYTHING}), st.just({"x": 1.0})),
    "conditions": st.one_of(st.none(), st.fixed_dictionaries({"open": ANYTHING})),
    "cap": ANYTHING,
    "floor": ANYTHING,
    "include_history": st.booleans(),
    "components": st.booleans(),
    "non_negative": st.booleans(),
}


@given(st.fixed_dictionaries({}, optional=ARGUMENTS), st.sampled_from(["linear", "logistic", "with columns"]))
@hypothesis_settings(max_examples=400)
def test_a_forecast_with_any_options_has_finite_numbers_or_is_refused(
    arguments: dict[str, Any], kind: str
) -> None:
    try:
        table = forecast(MODELS[kind], ForecastOptions(**arguments))
    except FutureError:
        return

    assert table["ds"].size
    assert all(np.isfinite(values).all() for name, values in table.items() if name != "ds")


BATCH_OPTIONS = ("periods", "freq", "quantiles", "interval_width", "non_negative")


@given(st.fixed_dictionaries({}, optional={name: ARGUMENTS[name] for name in BATCH_OPTIONS}))
@hypothesis_settings(max_examples=200)
def test_a_batch_with_any_options_has_the_forecasts_of_its_models_alone(arguments: dict[str, Any]) -> None:
    if arguments.get("quantiles", ()) is None:
        arguments["quantiles"] = ()
    try:
        options = ForecastOptions(**arguments)
    except FutureError:
        return
    alone: Table | FutureError
    try:
        alone = forecast(MODELS["linear"], options)
    except FutureError as error:
        alone = error

    for table in forecast_many([MODELS["linear"]] * 2, options):
        if isinstance(alone, FutureError):
            assert str(table) == str(alone)
        else:
            assert isinstance(table, dict)
            assert_the_same(table, {name: alone[name] for name in table})
