"""A forecast with any options has finite numbers, or a FutureError with the reason."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError
from fleetcast.forecasting import ForecastOptions, Model, forecast, forecast_many
from testbed.preparation import fit_with
from tests.unit.fleetcast.forecasting.test_limits import DAYS, Y, assert_the_same

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
def test_a_forecast_with_any_options_is_finite_or_refused(arguments: dict[str, Any], kind: str) -> None:
    try:
        table = forecast(MODELS[kind], ForecastOptions(**arguments))
    except FutureError:
        return

    assert table["ds"].size
    assert all(np.isfinite(values).all() for name, values in table.items() if name != "ds")


ASKED_OF_MANY = ("periods", "freq", "quantiles", "interval_width", "non_negative")


@given(st.fixed_dictionaries({}, optional={name: ARGUMENTS[name] for name in ASKED_OF_MANY}))
@hypothesis_settings(max_examples=200)
def test_forecast_many_with_any_options_equals_forecast(arguments: dict[str, Any]) -> None:
    if arguments.get("quantiles", ()) is None:
        arguments["quantiles"] = ()
    try:
        options = ForecastOptions(**arguments)
    except FutureError:
        return
    alone: dict[str, Any] | FutureError
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


def _models() -> dict[str, Model]:
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


MODELS = _models()


@pytest.mark.parametrize("name", ["weather", "R"])
@pytest.mark.parametrize("kind", ["regressors", "conditions"])
def test_a_column_that_the_model_does_not_use_is_refused_by_name(name: str, kind: str) -> None:
    columns: dict[str, dict[str, Any]] = {"regressors": {"r": 1.0}, "conditions": {"open": True}}
    columns[kind][name] = 1.0

    with pytest.raises(FutureError, match=f"{kind}: this model does not use '{name}'; it uses '(r|open)'"):
        forecast(MODELS["with columns"], ForecastOptions(2, **columns))


@pytest.mark.parametrize("limit", ["cap", "floor"])
def test_a_limit_that_the_model_does_not_use_is_refused_by_name(limit: str) -> None:
    with pytest.raises(FutureError, match=f"{limit} has no use, as this model"):
        forecast(MODELS["linear"], ForecastOptions(2, **{limit: 5.0}))


def test_a_floor_that_the_fit_did_not_have_is_refused_by_name() -> None:
    model = fit_with(DAYS, Y, growth="logistic", cap=20.0)

    with pytest.raises(FutureError, match="floor has no use, as this model was fitted without a floor"):
        forecast(model, ForecastOptions(2, cap=20.0, floor=1.0))


@pytest.mark.parametrize("probability", [1e-300, 1e-13, 1 - 1e-16])
@pytest.mark.parametrize("growth", ["linear", "flat"])
def test_a_quantile_nearer_to_0_or_1_than_1e_12_is_computed_at_1e_12(probability: float, growth: str) -> None:
    model = fit_with(DAYS, Y, growth=growth)
    nearest = 1e-12 if probability < 0.5 else 1 - 1e-12

    table = forecast(model, ForecastOptions(30, quantiles=[probability, nearest]))

    assert (table[f"yhat_{probability!r}"] == table[f"yhat_{nearest!r}"]).all()


@pytest.mark.parametrize("width", [0.0, 1 - 1e-16, np.nextafter(1, 0)])
def test_the_narrowest_and_the_widest_interval_are_finite(width: float) -> None:
    table = forecast(MODELS["linear"], ForecastOptions(30, interval_width=width))

    assert (table["yhat_lower"] <= table["yhat"]).all()
    assert np.isfinite(table["yhat_upper"]).all()


@pytest.mark.parametrize(
    "freq", ["999999999999999999D", "99999999999999999999D", "9" * 5_000 + "h", "99999999YS", "2000000MS"]
)
def test_a_step_beyond_the_year_9999_is_refused(freq: str) -> None:
    with pytest.raises(FutureError, match=r"beyond the year 9999|freq must be"):
        forecast(MODELS["linear"], ForecastOptions(3, freq))


@pytest.mark.parametrize(
    ("ds", "reason"),
    [
        (["2024-03-01", "NaT"], "missing timestamps"),
        (["10000-01-01"], "ds must"),
        (["-100-01-01"], "ds must"),
        (["today"], "ds must hold dates"),
        (["now"], "ds must hold dates"),
        (["20240301"], "ds must hold dates"),
        (["589000-03-01"], "ds must hold dates"),
        (np.array([2**62], "datetime64[s]"), "years 1 to 9999"),
        (np.array([10**9], "datetime64[Y]"), "years 1 to 9999"),
        (np.array([-(10**17)], "datetime64[D]"), "years 1 to 9999"),
        ([20240301], "int64 values"),
        ([[1, 2], [3]], "ds"),
    ],
)
def test_dates_that_are_ambiguous_or_out_of_range_are_refused(ds: Any, reason: str) -> None:
    with pytest.raises(FutureError, match=reason):
        forecast(MODELS["linear"], ForecastOptions(ds=ds))


def test_dates_in_any_order_and_twice_are_forecast_in_order() -> None:
    asked = ["2024-03-05", "2024-03-01", "2024-03-05T12:00", "2024-03-01"]

    table = forecast(MODELS["linear"], ForecastOptions(ds=asked))

    assert table["ds"].tolist() == sorted(np.array(asked, "datetime64[us]").tolist())
    assert table["yhat"][0] == table["yhat"][1]


@pytest.mark.parametrize("rows", [10_000_001, 10**18])
def test_a_forecast_of_too_many_rows_is_refused_before_it_is_made(rows: int) -> None:
    with pytest.raises(FutureError, match="at most 10000000"):
        forecast(MODELS["linear"], ForecastOptions(rows, "us"))
    with pytest.raises(FutureError, match="features has at most"):
        forecast(fit_with(DAYS, Y, weekly_seasonality=30), ForecastOptions(9_999_999, "us"))
