"""One set of limits: what is fitted can be read back, and what could not be read is refused by the fit."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleetcast.errors import FitError, FutureError, HistoryError, SettingError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, forecast_many, loads
from fleetcast.forecasting.predict.point_forecast import Table
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
Y = 10 + np.sin(np.arange(60.0)) + np.random.default_rng(1).normal(0, 0.1, 60)
LONG = DAYS[0] + np.arange(1_500) * np.timedelta64(1, "D")
LONG_Y = np.resize(Y, 1_500) + np.random.default_rng(2).normal(0, 1, 1_500)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def holidays(count: int, **more: object) -> list[dict[str, object]]:
    return [{"ds": DAYS[i % 60], "holiday": f"promotion {i}"} | more for i in range(count)]


def assert_the_same(one: Table, other: Table) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        assert values.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"holidays": holidays(350, lower_window=-1, upper_window=1)}, "features, more than 1000"),
        ({"holidays": holidays(2, lower_window=-400, upper_window=0)}, "at most 366 days"),
        ({"holidays": holidays(2, lower_window=0, upper_window=np.inf)}, "at most 366 days"),
        ({"n_changepoints": 1_001}, "n_changepoints must be a whole number of at least 0 and at most 1000"),
        ({"changepoints": np.repeat(DAYS, 17)}, "changepoints must have at most 1000 dates"),
        ({"weekly_seasonality": 401}, "at most 400"),
        ({"seasonality_prior_scale": 1e-200}, "from 1e-30 to 1e"),
        ({"changepoint_prior_scale": 1e31}, "from 1e-30 to 1e"),
        ({"uncertainty_samples": 10**400}, "uncertainty_samples must be a whole number"),
        ({"seasonalities": [{"name": "s", "period": 1e-31, "fourier_order": 1}]}, "period of 's'"),
        ({"seasonalities": [{"name": "s", "period": 7, "fourier_order": 999}]}, "at most 400"),
        ({"seasonalities": [{"name": "\ud800", "period": 7, "fourier_order": 3}]}, "half a character"),
        ({"regressors": {"r": Y * 1e31}}, "regressor 'r' must be a finite number"),
        ({"regressors": {"r": Y * 1e-200}}, "a regressor differs by less than 1e-30"),
        ({"growth": "logistic", "cap": 1e31}, "cap must be a finite number"),
        ({"growth": "logistic", "cap": 100.0, "floor": -1e31}, "floor must be a finite number"),
        ({"y": Y + 1j}, "y must hold numbers, not complex128 values"),
        ({"y": DAYS - DAYS[0]}, "y must hold numbers, not timedelta64"),
        (
            {
                "holidays": holidays(330, lower_window=-1, upper_window=1),
                "seasonalities": [{"name": "s", "period": 7, "fourier_order": 20}],
            },
            "would have 10[0-9]+ features, more than 1000",
        ),
        ({"y": Y * 1e31}, "y has values beyond 1e"),
        ({"y": Y * 1e-200}, "y differs by less than 1e-30"),
        ({"y": Y * 1e-40, "scaling": "minmax"}, "y differs by less than 1e-30"),
        ({"ds": DAYS + np.timedelta64(8_000 * 365, "D")}, "years 1 to 9999"),
        ({"ds": (np.arange(60) * 10**6).astype("datetime64[Y]")}, "ds"),
    ],
)
def test_what_could_not_be_read_back_is_refused_by_name(arguments: dict[str, Any], reason: str) -> None:
    ds, y = arguments.pop("ds", DAYS), arguments.pop("y", Y)

    with pytest.raises((SettingError, HistoryError), match=reason):
        fit_with(ds, y, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"holidays": holidays(300, lower_window=-1, upper_window=1), "ds": LONG, "y": LONG_Y},
        {"holidays": holidays(1, lower_window=-366, upper_window=366), "ds": LONG, "y": LONG_Y},
        {"n_changepoints": 1_000},
        {"weekly_seasonality": 400, "ds": LONG, "y": LONG_Y},
        {"y": Y * 8e28},
        {"y": Y * 1e-29},
        {"regressors": {"r": np.where(np.arange(60) % 3, 1e28, -1e28)}},
        {"ds": np.datetime64("0001-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")},
        {"ds": np.datetime64("9999-10-01", "us") + np.arange(60) * np.timedelta64(1, "D")},
    ],
)
def test_what_is_within_the_limits_is_read_back(arguments: dict[str, Any]) -> None:
    ds, y = arguments.pop("ds", DAYS), arguments.pop("y", Y)
    future = {"regressors": {"r": 1e28}} if "regressors" in arguments else {}

    model = fit_with(ds, y, **arguments)

    assert_the_same(
        forecast(loads(dumps(model)), ForecastOptions(7, **future)),
        forecast(model, ForecastOptions(7, **future)),
    )


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
def test_whatever_is_fitted_forecasts_the_same_after_it_was_written_and_read(
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
def test_whatever_is_asked_the_forecast_has_finite_numbers_or_is_refused(
    arguments: dict[str, Any], kind: str
) -> None:
    try:
        table = forecast(MODELS[kind], ForecastOptions(**arguments))
    except FutureError:
        return

    assert table["ds"].size
    assert all(np.isfinite(values).all() for name, values in table.items() if name != "ds")


ASKED_OF_MANY = ("periods", "freq", "quantiles", "interval_width", "non_negative")


@given(st.fixed_dictionaries({}, optional={name: ARGUMENTS[name] for name in ASKED_OF_MANY}))
@hypothesis_settings(max_examples=200)
def test_whatever_is_asked_of_many_each_answers_as_it_does_alone(arguments: dict[str, Any]) -> None:
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


def test_a_text_that_holds_the_text_of_a_model_is_read() -> None:
    text = dumps(fit_with(DAYS, Y))

    assert_the_same(
        forecast(loads(json.dumps(text)), ForecastOptions(7)), forecast(loads(text), ForecastOptions(7))
    )


FLAGS = np.arange(60) % 3 == 0


@pytest.mark.parametrize(
    "flags",
    [
        FLAGS,
        FLAGS.astype(object),
        FLAGS.astype(int),
        FLAGS.astype(float),
        FLAGS.astype(np.uint8),
        FLAGS.tolist(),
        pd.Series(FLAGS).astype("boolean"),
    ],
)
def test_booleans_are_regressors_of_0_and_1_and_conditions(flags: Any) -> None:
    season = {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "open"}

    def text(column: Any) -> str:
        columns = {"regressors": {"promotion": column}, "conditions": {"open": column}}
        model = fit_with(DAYS, Y + FLAGS, seasonalities=[season], **columns)
        table = forecast(model, ForecastOptions(ds=DAYS, **columns))
        return dumps(model) + table["yhat"].tobytes().hex()

    assert text(flags) == text(FLAGS.astype(float))


@pytest.mark.parametrize(
    "values",
    [
        np.where(FLAGS, "True", "False"),
        np.where(FLAGS, None, 1.0),
        np.array([pd.NA, *FLAGS[1:]], dtype=object),
        DAYS,
        Y + 1j,
        [[1.0]] * 60,
    ],
)
@pytest.mark.parametrize("kind", ["regressor", "condition"])
def test_what_is_no_number_or_flag_is_refused_by_name(values: Any, kind: str) -> None:
    season = {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "promotion"}
    seasonalities = [season] if kind == "condition" else []

    with pytest.raises(HistoryError, match=f"{kind} 'promotion' must be"):
        fit_with(DAYS, Y, seasonalities=seasonalities, **{f"{kind}s": {"promotion": values}})


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
def test_a_quantile_nearer_to_0_or_1_than_1e_12_is_that_one(probability: float, growth: str) -> None:
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
def test_a_date_beyond_doubt_and_range_is_needed(ds: Any, reason: str) -> None:
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
