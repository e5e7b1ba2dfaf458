"""The spacing of a history, and forecasts without `freq`, which step by it."""

import warnings

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


USUAL = {"s": 1, "15s": 15, "min": 60, "5min": 300, "15min": 900, "30min": 1800, "h": 3600, "D": 86_400}
"""Seconds of steps that uneven readings may have."""


def jittered(seconds: int, count: int, share: float, seed: int) -> np.ndarray:
    """Return timestamps, each at most a share of the step away from even ones."""
    even = np.arange(count) + 0.5
    uneven = (even + np.random.default_rng(seed).uniform(-share, share, count)) * seconds
    return np.datetime64("2024-01-01", "us") + (uneven * 1e6).astype("timedelta64[us]")


@given(
    st.sampled_from(sorted(USUAL)),
    st.integers(40, 400),
    st.floats(0, 0.05),
    st.floats(0, 0.15),
    st.integers(0, 2**32),
)
def test_early_and_late_readings_have_the_step_that_they_are_near(
    freq: str, count: int, share: float, missing: float, seed: int
) -> None:
    whole = jittered(USUAL[freq], count, share, seed)
    seen = whole[np.random.default_rng(seed).random(count) >= missing]
    sent_again = seen[::40] + np.timedelta64(USUAL[freq] * 1000, "us")

    assert spacing(np.concatenate([seen, sent_again])) == freq


@pytest.mark.parametrize("drift", [-0.01, 0.01])
def test_a_clock_that_runs_fast_or_slow_does_not_matter(drift: float) -> None:
    seen = jittered(900, 300, 0.02, 8)
    passed = (seen - seen[0]).astype("int64") * (1 + drift)

    assert spacing(seen[0] + passed.astype("timedelta64[us]")) == "15min"


def test_a_meters_clock_of_whole_seconds_has_a_spacing() -> None:
    times = ["00:00:03", "00:15:01", "00:29:58", "00:45:00", "01:00:02", "01:14:57", "01:30:04", "01:45:01"]
    days = np.arange(np.datetime64("2024-03-01"), np.datetime64("2024-03-05"))
    seen = [np.datetime64(f"{day}T{time}", "us") for day in days for time in times]

    assert spacing(np.array(seen)) == "15min"


def test_one_reading_a_day_at_any_hour_is_daily_and_one_each_monday_weekly() -> None:
    hours = np.random.default_rng(3).uniform(0, 23.9, 60)
    at = (hours * 3.6e9).astype("timedelta64[us]")

    assert spacing(dates("D", 60) + at) == "D"
    assert spacing(dates("W-MON", 60) + at) == "W-MON"


def test_a_week_around_midnight_steps_on_from_the_last_reading() -> None:
    at = np.random.default_rng(4).uniform(-2, 2, 40) * 3.6e9
    seen = dates("W-MON", 40) + at.astype("timedelta64[us]")

    ahead = datetimes(future_stamps(microseconds(seen), 2, spacing(seen)))

    assert ahead.tolist() == [(seen[-1] + np.timedelta64(7 * week, "D")).tolist() for week in (1, 2)]


def test_readings_for_months_on_days_that_vary_have_no_spacing() -> None:
    at = np.random.default_rng(5).integers(-3, 3, 48).astype("timedelta64[D]")

    assert spacing(dates("MS", 48) + at) is None


def test_nineteen_uneven_readings_have_no_spacing() -> None:
    seen = jittered(900, 20, 0.03, 6)

    assert spacing(seen) == "15min"
    assert spacing(seen[:19]) is None


def test_two_uneven_readings_for_each_month_have_no_spacing() -> None:
    at = np.random.default_rng(9).uniform(0, 1800, 120).astype("timedelta64[s]")
    twice = np.repeat(dates("MS", 60), 2) + np.tile([0, 8], 60) * np.timedelta64(3600, "s") + at

    assert spacing(twice) is None


@pytest.mark.parametrize("seconds", [420, 660, 45 * 60, 5 * 3600])
def test_uneven_readings_at_unusual_steps_have_no_spacing(seconds: int) -> None:
    assert spacing(jittered(seconds, 300, 0.03, 7)) is None


@given(st.sampled_from(["exponential", "gamma", "lognormal"]), st.floats(0, 4.5), st.integers(0, 2**32))
def test_events_have_no_spacing(kind: str, size: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    steps = {
        "exponential": lambda: chance.exponential(1, 200),
        "gamma": lambda: chance.gamma(4, 0.25, 200),
        "lognormal": lambda: chance.lognormal(0, 0.4, 200),
    }[kind]()

    assert spacing((np.cumsum(steps) * 10**size * 1e6).astype("int64").view("datetime64[us]")) is None


@pytest.mark.parametrize(("freq", "step"), [("B", "8h"), ("MS", "8h")])
@pytest.mark.parametrize("first", [0, 1])
def test_two_readings_on_each_business_day_or_month_have_a_step_of_hours(
    freq: str, step: str, first: int
) -> None:
    twice = np.repeat(dates(freq, 150), 2) + np.tile([0, 8], 150) * np.timedelta64(3600, "s")

    assert spacing(twice[first:]) == step


@given(st.sampled_from(ALIASES), st.integers(8, 90), st.integers(0, 20 * 365 * 86_400))
def test_even_readings_continue_as_pandas_finds_them_to(freq: str, count: int, start: int) -> None:
    seen = pd.date_range(pd.Timestamp("2000-01-01") + pd.Timedelta(seconds=start), periods=count, freq=freq)
    with warnings.catch_warnings():  # pandas announces another type of its result
        warnings.simplefilter("ignore")
        judged = pd.infer_freq(seen)
    assert judged is not None

    ahead = future_stamps(microseconds(seen.to_numpy()), 3, spacing(seen.to_numpy()))

    expected = pd.date_range(seen[-1], periods=4, freq=judged)[1:]
    assert datetimes(ahead).tolist() == expected.to_numpy().astype("datetime64[us]").tolist()


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
