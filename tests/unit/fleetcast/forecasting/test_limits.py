"""One set of limits for fit and read: a model that is fitted can be read back, in every case."""

import json
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import FutureError, HistoryError, SettingError
from fleetcast.forecasting import ForecastOptions, dumps, forecast, loads
from fleetcast.forecasting.predict.point_forecast import Table
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
Y = 10 + np.sin(np.arange(60.0)) + np.random.default_rng(1).normal(0, 0.1, 60)
LONG = DAYS[0] + np.arange(1_500) * np.timedelta64(1, "D")
LONG_Y = np.resize(Y, 1_500) + np.random.default_rng(2).normal(0, 1, 1_500)
LINEAR = fit_with(DAYS, Y)
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
def test_a_fit_that_could_not_be_read_back_is_refused_by_name(arguments: dict[str, Any], reason: str) -> None:
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
def test_a_fit_within_the_limits_is_read_back(arguments: dict[str, Any]) -> None:
    ds, y = arguments.pop("ds", DAYS), arguments.pop("y", Y)
    future = {"regressors": {"r": 1e28}} if "regressors" in arguments else {}

    model = fit_with(ds, y, **arguments)

    assert_the_same(
        forecast(loads(dumps(model)), ForecastOptions(7, **future)),
        forecast(model, ForecastOptions(7, **future)),
    )


def test_a_json_string_that_holds_a_model_is_read() -> None:
    text = dumps(fit_with(DAYS, Y))

    assert_the_same(
        forecast(loads(json.dumps(text)), ForecastOptions(7)), forecast(loads(text), ForecastOptions(7))
    )


@pytest.mark.parametrize("probability", [1e-300, 1e-13, 1 - 1e-16])
@pytest.mark.parametrize("growth", ["linear", "flat"])
def test_a_quantile_nearer_to_0_or_1_than_1e_12_is_computed_at_1e_12(probability: float, growth: str) -> None:
    model = fit_with(DAYS, Y, growth=growth)
    nearest = 1e-12 if probability < 0.5 else 1 - 1e-12

    table = forecast(model, ForecastOptions(30, quantiles=[probability, nearest]))

    assert (table[f"yhat_{probability!r}"] == table[f"yhat_{nearest!r}"]).all()


@pytest.mark.parametrize("width", [0.0, 1 - 1e-16, np.nextafter(1, 0)])
def test_the_narrowest_and_the_widest_interval_are_finite(width: float) -> None:
    table = forecast(LINEAR, ForecastOptions(30, interval_width=width))

    assert (table["yhat_lower"] <= table["yhat"]).all()
    assert np.isfinite(table["yhat_upper"]).all()


@pytest.mark.parametrize(
    "freq", ["999999999999999999D", "99999999999999999999D", "9" * 5_000 + "h", "99999999YS", "2000000MS"]
)
def test_a_step_beyond_the_year_9999_is_refused(freq: str) -> None:
    with pytest.raises(FutureError, match=r"beyond the year 9999|freq must be"):
        forecast(LINEAR, ForecastOptions(3, freq))


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
def test_an_ambiguous_date_and_one_out_of_range_are_refused(ds: Any, reason: str) -> None:
    with pytest.raises(FutureError, match=reason):
        forecast(LINEAR, ForecastOptions(ds=ds))


def test_dates_in_any_order_and_twice_are_forecast_in_order() -> None:
    asked = ["2024-03-05", "2024-03-01", "2024-03-05T12:00", "2024-03-01"]

    table = forecast(LINEAR, ForecastOptions(ds=asked))

    assert table["ds"].tolist() == sorted(np.array(asked, "datetime64[us]").tolist())
    assert table["yhat"][0] == table["yhat"][1]


@pytest.mark.parametrize("rows", [10_000_001, 10**18])
def test_a_forecast_of_too_many_rows_is_refused_before_it_is_made(rows: int) -> None:
    with pytest.raises(FutureError, match="at most 10000000"):
        forecast(LINEAR, ForecastOptions(rows, "us"))
    with pytest.raises(FutureError, match="features has at most"):
        forecast(fit_with(DAYS, Y, weekly_seasonality=30), ForecastOptions(9_999_999, "us"))
