"""Forecasts of the plain global model from a history alone."""

from typing import Any

import numpy as np
import pytest

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.predict import Table
from fleetcast.global_model import (
    PLAIN_FEATURES,
    GlobalModel,
    GlobalSettings,
    Part,
    forecast_history,
    plain_path,
)
from tests.unit.fleetcast.global_model.fleets import CYCLES, plain_model, readings, series, stamps

HORIZONS = {"h": 48, "15min": 192, "D": 14, "W-MON": 8}
DAY = 24


def forecast(y: Vector, freq: str = "h", *, periods: int = 48, **options: Any) -> Table:
    model, asked = plain_model(freq, HORIZONS[freq]), ForecastOptions(periods, None, **options)
    return forecast_history(model, stamps(freq, y.size), y, asked)


def yhat(y: Vector, freq: str = "h", **options: Any) -> Vector:
    return np.asarray(forecast(y, freq, **options)["yhat"])


Y = readings("h", 28 * DAY, seed=500)


@pytest.mark.parametrize("freq", CYCLES)
@pytest.mark.parametrize("cycles", [3, 7, 30])
def test_it_errs_less_than_the_last_cycle_from_the_third_cycle_on(freq: str, cycles: int) -> None:
    short, horizon = CYCLES[freq][0], HORIZONS[freq]
    n = cycles * short
    errors, naive = [], []
    for seed in range(200, 215):
        y = readings(freq, n + horizon, seed)
        scale = np.abs(np.diff(y)).mean()
        errors.append(np.abs(y[n:] - yhat(y[:n], freq, periods=horizon)).mean() / scale)
        naive.append(np.abs(y[n:] - np.resize(y[n - short : n], horizon)).mean() / scale)

    assert np.mean(errors) < np.mean(naive)


def test_intervals_cover_what_they_promise_of_other_customers() -> None:
    inside = []
    for seed in range(200, 240):
        n = DAY * (3 + seed % 12)
        y = readings("h", n + 48, seed)
        table = forecast(y[:n])
        inside.append((table["yhat_lower"] <= y[n:]) & (y[n:] <= table["yhat_upper"]))

    assert 0.7 < np.mean(inside) < 0.9


def test_the_path_of_a_series_is_the_forecast_of_its_history() -> None:
    path = plain_path(plain_model(), series("h", Y), 200)

    np.testing.assert_allclose(path, yhat(Y, periods=200), rtol=1e-12)


def test_columns_are_those_of_other_models_and_bounds_lie_in_order() -> None:
    table = forecast(Y, quantiles=(0.05, 0.5, 0.9))

    assert list(table) == ["ds", "yhat_lower", "yhat_upper", "yhat_0.05", "yhat_0.5", "yhat_0.9", "yhat"]
    np.testing.assert_array_equal(table["yhat_0.5"], table["yhat"])
    in_order = [table[name] for name in ("yhat_0.05", "yhat_lower", "yhat", "yhat_upper")]
    assert (np.diff(in_order, axis=0) >= 0).all()
    np.testing.assert_array_equal(table["yhat_0.9"], table["yhat_upper"])


def test_timestamps_follow_the_last_reading_by_steps_of_the_model() -> None:
    table = forecast(Y, periods=3)

    assert (table["ds"].astype(np.int64) - stamps("h", Y.size)[-1]).tolist() == [
        hours * 3_600_000_000 for hours in (1, 2, 3)
    ]


def test_weeks_may_end_on_any_day() -> None:
    y = readings("W-MON", 60, seed=3)
    times = stamps("W-MON", 60) + 2 * 86_400_000_000

    table = forecast_history(plain_model("W-MON", 8), times, y, ForecastOptions(periods=8, freq=None))

    assert table["ds"].astype(np.int64)[0] == times[-1] + 7 * 86_400_000_000
    np.testing.assert_allclose(table["yhat"], yhat(y, "W-MON", periods=8), rtol=1e-12)


def test_timestamps_between_two_steps_are_on_a_line() -> None:
    hours = yhat(Y, periods=3)
    last = stamps("h", Y.size)[-1]
    ds = last + np.array([1.0, 1.25, 2.0, 0.5]) * 3_600_000_000

    table = forecast(Y, ds=ds.astype(np.int64).view("datetime64[us]"))

    np.testing.assert_array_equal(table["ds"].astype(np.int64), np.sort(ds.astype(np.int64)))
    between = hours[0] + 0.25 * (hours[1] - hours[0])
    np.testing.assert_allclose(table["yhat"], [hours[0], hours[0], between, hours[1]], rtol=1e-12)


def test_beyond_the_horizon_a_long_cycle_repeats() -> None:
    path = yhat(Y, periods=48 + 3 * 168)

    np.testing.assert_array_equal(path[48 + 168 :], path[48:-168])
    far = forecast(
        Y, ds=np.array([stamps("h", Y.size)[-1] + 3_600_000_000 * (49 + 168 * 1000)]).view("M8[us]")
    )
    assert far["yhat"][0] == path[48]


def test_only_the_last_four_long_cycles_matter() -> None:
    longer = np.concatenate((1e6 * np.ones(500), Y))
    times = stamps("h", longer.size) - 500 * 3_600_000_000

    table = forecast_history(plain_model(), times, longer, ForecastOptions(periods=48, freq=None))

    np.testing.assert_array_equal(table["yhat"], yhat(Y))


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 3.0, 1e300])
def test_a_forecast_has_the_unit_of_its_readings(factor: float) -> None:
    table, scaled = forecast(Y), forecast(Y * factor)

    for name in ("yhat", "yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(scaled[name] / factor, table[name], rtol=1e-6)


def test_readings_may_be_negative() -> None:
    low = yhat(Y - 10 * Y.max())

    assert (low < 0).all()
    np.testing.assert_allclose(low + 10 * Y.max(), yhat(Y), rtol=0.05)


def test_non_negative_raises_the_forecast_to_zero() -> None:
    table = forecast(Y - 10 * Y.max(), non_negative=True)

    assert all((table[name] == 0).all() for name in table if name != "ds")


@pytest.mark.parametrize("value", [0.0, -0.0, 5.0, -3e200])
def test_a_history_that_repeats_itself_is_repeated_with_intervals_of_no_width(value: float) -> None:
    table = forecast(np.full(80, value))

    for name in ("yhat", "yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(table[name], value, rtol=1e-12)


def test_order_and_duplicates_of_rows_do_not_matter() -> None:
    order = np.random.default_rng(1).permutation(Y.size)
    twice = np.concatenate((order, order[:99]))
    times, options = stamps("h", Y.size), ForecastOptions(periods=48, freq=None)

    shuffled = forecast_history(plain_model(), times[order], Y[order], options)
    repeated = forecast_history(plain_model(), times[twice], Y[twice], options)

    np.testing.assert_array_equal(shuffled["yhat"], yhat(Y))
    np.testing.assert_array_equal(repeated["yhat"], yhat(Y))


def test_rows_without_a_reading_count_as_if_they_were_not_there() -> None:
    holes = Y.copy()
    holes[[5, 80, 81, 82, 400]] = np.nan
    holes[-7:] = np.nan
    kept = np.isfinite(holes)
    options = ForecastOptions(periods=48, freq=None)

    table = forecast(holes)
    without = forecast_history(plain_model(), stamps("h", Y.size)[kept], Y[kept], options)

    assert table["ds"].astype(np.int64)[0] == stamps("h", Y.size)[-7]
    np.testing.assert_array_equal(table["yhat"], without["yhat"])
    np.testing.assert_allclose(table["yhat"][7:], yhat(Y)[:-7], rtol=0.2)


def test_a_day_without_readings_does_no_harm() -> None:
    gap = Y.copy()
    gap[-60:-30] = np.nan

    np.testing.assert_allclose(yhat(gap), yhat(Y), rtol=0.25)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "no reading"),
        (1, "at least 72 steps of 'h'; it spans 1 from"),
        (71, "at least 72 steps of 'h'; it spans 71 from"),
    ],
)
def test_a_short_history_is_refused_with_its_length_and_the_least(size: int, text: str) -> None:
    with pytest.raises(FutureError, match=text):
        yhat(Y[:size])


def test_three_cycles_suffice() -> None:
    assert np.isfinite(yhat(Y[:72])).all()


@pytest.mark.parametrize(
    ("seconds", "usual"),
    [
        (900, "0:15:00"),
        (5400, "1:30:00"),
        (7200, "2:00:00"),
        (6 * 3600, "6:00:00"),
        (86_400, "1 day, 0:00:00"),
    ],
)
def test_readings_of_another_spacing_are_refused_with_both(seconds: int, usual: str) -> None:
    times = stamps("h", 1)[0] + seconds * 1_000_000 * np.arange(600)

    with pytest.raises(FutureError, match=f"one reading for each step of 'h'.*usually {usual}"):
        forecast_history(plain_model(), times, Y[:600], ForecastOptions(freq=None))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"components": True}, "components"),
        ({"include_history": True}, "include_history"),
        ({"regressors": {"temperature": [1.0]}}, "does not use 'temperature'"),
        ({"cap": 5.0}, "cap has no use"),
        ({"conditions": {"weekend": [True]}}, "does not use 'weekend'"),
        ({"ds": ["2024-01-03"]}, "ds must be later than the last reading"),
    ],
)
def test_options_that_need_a_fitted_model_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(FutureError, match=text):
        yhat(Y, **options)


@pytest.mark.parametrize("freq", ["D", "30min", "MS"])
def test_another_step_than_the_models_is_refused(freq: str) -> None:
    with pytest.raises(FutureError, match="freq must be 'h'"):
        forecast_history(plain_model(), stamps("h", Y.size), Y, ForecastOptions(freq=freq))


def test_another_name_of_the_models_step_is_accepted() -> None:
    options = ForecastOptions(periods=48, freq="60min")

    table = forecast_history(plain_model(), stamps("h", Y.size), Y, options)

    np.testing.assert_array_equal(table["yhat"], yhat(Y))


def test_ten_million_steps_take_no_more_features_than_a_week() -> None:
    assert yhat(Y, periods=10_000_000)[-1] > 0


def test_infinite_readings_are_refused() -> None:
    y = Y.copy()
    y[3] = np.inf

    with pytest.raises(FutureError, match="finite"):
        yhat(y)


def test_a_forecast_that_is_no_number_is_refused() -> None:
    largest = np.random.default_rng(1).choice([-1.7e308, 1.7e308], 28 * DAY)

    with pytest.raises(FutureError, match="too large"):
        forecast(largest, quantiles=(0.999,))


def test_a_model_without_errors_has_no_intervals() -> None:
    model = plain_model()
    bare = GlobalModel(GlobalSettings(freq="h", horizon=48), model.parts)
    times = stamps("h", Y.size)

    assert list(forecast_history(bare, times, Y, ForecastOptions(freq=None))) == ["ds", "yhat"]
    with pytest.raises(FutureError, match="no intervals"):
        forecast_history(bare, times, Y, ForecastOptions(freq=None, quantiles=(0.1,)))


def test_a_model_with_other_features_is_refused() -> None:
    part = plain_model().parts["plain"]
    other = Part(part.trees, PLAIN_FEATURES[::-1])

    with pytest.raises(ModelFormatError, match="other features"):
        plain_path(GlobalModel(plain_model().settings, {"plain": other}), series("h", Y), 1)
    with pytest.raises(ModelFormatError, match="no trees"):
        plain_path(GlobalModel(plain_model().settings, {"stacked": part}), series("h", Y), 1)


def test_a_series_with_other_steps_is_refused() -> None:
    with pytest.raises(FutureError, match="steps of 'h'"):
        plain_path(plain_model(), series("D", Y[:90]), 1)


def test_a_range_of_years_ends_with_9999() -> None:
    times = microseconds(["9999-12-31"])[0] + 3_600_000_000 * np.arange(-80, 1)

    with pytest.raises(FutureError, match="year 9999"):
        forecast_history(plain_model(), times, Y[:81], ForecastOptions(periods=30, freq=None))
