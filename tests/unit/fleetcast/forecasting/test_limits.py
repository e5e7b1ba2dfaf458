"""The limits of a model are the same for the fit and for reading: what is fitted can be read back."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleetcast.errors import FitError, HistoryError, SettingError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, loads
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
        (
            {"seasonalities": [{"name": "\ud800", "period": 7, "fourier_order": 3}]},
            "half of a surrogate pair",
        ),
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
def test_the_fit_refuses_by_name_what_could_not_be_read_back(arguments: dict[str, Any], reason: str) -> None:
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
def test_models_at_the_limits_are_read_back(arguments: dict[str, Any]) -> None:
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
def test_any_model_forecasts_the_same_after_it_is_written_and_read(
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


def test_json_text_inside_a_json_text_is_read() -> None:
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
def test_booleans_are_accepted_as_regressors_and_conditions(flags: Any) -> None:
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
def test_regressors_and_conditions_of_other_types_are_refused_by_name(values: Any, kind: str) -> None:
    season = {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "promotion"}
    seasonalities = [season] if kind == "condition" else []

    with pytest.raises(HistoryError, match=f"{kind} 'promotion' must be"):
        fit_with(DAYS, Y, seasonalities=seasonalities, **{f"{kind}s": {"promotion": values}})
