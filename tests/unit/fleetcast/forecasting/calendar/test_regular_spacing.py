"""The spacing of a history, and forecasts without `freq`, which step by it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.errors import FutureError, HistoryError
from fleetcast.forecasting import ForecastOptions, Model, forecast, forecast_many, spacing
from fleetcast.forecasting.calendar.frequency import future_stamps
from fleetcast.forecasting.calendar.timestamps import datetimes, microseconds
from testbed.preparation import fit_with

ALIASES = [
    *("D", "2D", "h", "6h", "36h", "min", "5min", "15min", "30min", "s", "90s", "250ms", "10us"),
    *("W-MON", "W-SUN", "2W-FRI", "B", "MS", "2MS", "ME", "QS", "QS-FEB", "QE", "QE-JAN", "2QE"),
    *("YS", "YS-APR", "YE", "YE-MAR", "2YS"),
]


def dates(freq: str, count: int = 60, start: str = "2021-03-01") -> np.ndarray:
    return pd.date_range(start, periods=count, freq=freq).to_numpy().astype("datetime64[us]")


@pytest.mark.parametrize("freq", ALIASES)
def test_each_regular_spacing_has_its_alias(freq: str) -> None:
    assert spacing(dates(freq)) == freq


@pytest.mark.parametrize("freq", ALIASES)
def test_order_duplicates_and_a_few_gaps_do_not_matter(freq: str) -> None:
    whole = dates(freq)
    some = np.delete(whole, [7, 20, 21, 58])
    mixed = np.random.default_rng(1).permutation(np.concatenate([some, some[10:15]]))

    assert spacing(mixed) == freq


@given(st.sampled_from(["D", "h", "5min", "15min", "W-MON", "MS"]), st.integers(0, 2**32))
def test_half_of_the_readings_still_have_a_spacing(freq: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    whole = dates(freq, 400)

    assert spacing(whole[chance.random(whole.size) < 0.55]) == freq


@pytest.mark.parametrize(("freq", "expected"), [("D", "D"), ("h", "h"), ("W-MON", "W-MON"), ("MS", "MS")])
@pytest.mark.parametrize("to", ["local", "UTC"])
def test_daylight_saving_time_does_not_matter(freq: str, expected: str, to: str) -> None:
    zone = "America/New_York" if to == "local" else "Europe/Berlin"
    local = pd.date_range("2023-01-01", "2023-12-31", freq=freq, tz=zone if to == "UTC" else "UTC")
    seen = local.tz_convert("UTC" if to == "UTC" else zone).tz_localize(None).to_numpy()

    alias = spacing(seen)

    if freq in ("D", "h"):
        assert alias == expected
    else:  # midnight in one zone is the evening before in another
        assert alias in (expected, "W-SUN", "ME")


def test_business_days_with_public_holidays_are_business_days() -> None:
    days = dates("B", 120)

    assert spacing(np.delete(days, [3, 33, 34, 80])) == "B"


def test_days_without_sundays_are_days() -> None:
    days = dates("D", 100)

    assert spacing(days[days.astype("datetime64[D]").view("int64") % 7 != 3]) == "D"


def test_business_hours_are_hours() -> None:
    hours = dates("h", 600)
    hour = hours.astype("datetime64[h]").view("int64") % 24

    assert spacing(hours[(hour >= 9) & (hour < 17) & np.is_busday(hours.astype("datetime64[D]"))]) == "h"


def test_the_spacing_of_the_last_timestamps_counts() -> None:
    assert spacing(np.concatenate([dates("h", 900, "2024-01-01"), dates("D", 250, "2024-03-01")])) == "D"


@pytest.mark.parametrize(
    "seen",
    [
        [],
        ["2024-01-01"],
        ["2024-01-01", "2024-01-02"],
        ["2024-01-01", "2024-01-01", "2024-01-02"],
        ["2024-01-01", "2024-01-02", "2024-01-04"],
        ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05", "2024-01-07"],
        ["2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15", "2024-05-15", "2024-06-15", "2024-07-15"],
    ],
)
def test_few_or_irregular_timestamps_have_no_spacing(seen: list[str]) -> None:
    assert spacing(np.array(seen, dtype="datetime64[us]")) is None


@given(st.integers(0, 2**32))
def test_random_timestamps_have_no_spacing(seed: int) -> None:
    chance = np.random.default_rng(seed)

    assert spacing((chance.random(300) * 3e13).astype("int64").view("datetime64[us]")) is None


def test_values_that_are_no_timestamps_are_refused() -> None:
    with pytest.raises(HistoryError, match="NaT"):
        spacing(np.array(["2024-01-01", "NaT"], dtype="datetime64[us]"))


@pytest.mark.parametrize("freq", ALIASES)
def test_every_alias_is_a_frequency_of_a_forecast(freq: str) -> None:
    whole = dates(freq, 70)

    ahead = future_stamps(microseconds(whole[:60]), 10, spacing(whole[:60]))

    assert datetimes(ahead).tolist() == whole[60:].tolist()


@pytest.mark.parametrize("freq", ["h", "W-MON", "MS", "B", "15min"])
def test_a_forecast_without_a_frequency_steps_as_the_history_does(freq: str) -> None:
    whole = dates(freq, 70)
    model = fit_with(whole[:58], np.arange(58.0) % 7, weekly_seasonality=False)

    assert (forecast(model, ForecastOptions(12, None))["ds"] == whole[58:]).all()


def test_a_forecast_steps_over_one_gap_among_the_last_timestamps() -> None:
    seen = microseconds(["2024-01-01T00", "2024-01-01T01", "2024-01-01T02", "2024-01-01T04", "2024-01-01T05"])

    assert datetimes(future_stamps(seen, 1, None))[0] == np.datetime64("2024-01-01T06")


def test_a_model_of_irregular_timestamps_asks_for_a_frequency() -> None:
    ds = np.datetime64("2024-01-01", "us") + np.cumsum(np.arange(40)) * np.timedelta64(1, "h")
    model = fit_with(ds, np.arange(40.0) % 5)
    assert isinstance(model, Model)

    with pytest.raises(FutureError, match=r"freq cannot be inferred.*pass freq, one of D, h"):
        forecast(model, ForecastOptions(3, None))


def test_many_forecasts_without_a_frequency_step_as_each_history_does() -> None:
    whole = [dates(freq, 40) for freq in ("D", "h", "W-MON", "MS")]
    models = [fit_with(ds[:30], np.arange(30.0) % 5, weekly_seasonality=False) for ds in whole]

    tables = forecast_many([model for model in models if isinstance(model, Model)], ForecastOptions(10, None))

    for ds, table in zip(whole, tables, strict=True):
        assert isinstance(table, dict)
        assert (table["ds"] == ds[30:]).all()
