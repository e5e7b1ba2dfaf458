"""Sentences about time slots of a forecast that have no reading in the history."""

from typing import Any

import numpy as np
import pytest

from fleetcast.forecasting import Model, unseen_slots
from testbed.preparation import fit_with

HOUR = np.timedelta64(1, "h")
HOURS = np.datetime64("2023-01-02", "us") + np.arange(24 * 800) * HOUR
DAYS = HOURS[::24]
WEEKDAY = (DAYS.astype("datetime64[D]").astype(np.int64) + 3) % 7


def sentences(ds: Any, freq: str | None = "D", periods: int = 7, **arguments: Any) -> list[str]:
    model = fit_with(ds, 100 + np.random.default_rng(0).normal(0, 3, len(ds)), **arguments)
    assert isinstance(model, Model)
    return unseen_slots(model, ds, periods=periods, freq=freq, conditions=arguments.get("conditions"))


def test_a_weekday_without_a_reading_is_named() -> None:
    ds = DAYS[:300][WEEKDAY[:300] < 6]

    assert sentences(ds) == ["no reading on Sundays: forecasts for Sundays are a guess"]
    assert sentences(ds[::-1]) == sentences(ds)


def test_all_weekdays_without_a_reading_are_named_together() -> None:
    (sentence,) = sentences(DAYS[:300][WEEKDAY[:300] < 5])

    assert sentence.startswith("no reading on Saturdays and Sundays: ")


@pytest.mark.parametrize("freq", ["B", "W-MON"])
def test_a_horizon_that_needs_no_unseen_weekday_has_no_sentence(freq: str) -> None:
    assert sentences(DAYS[:300][WEEKDAY[:300] < 5], freq) == []


def test_a_model_without_a_weekly_season_has_no_sentence_about_weekdays() -> None:
    assert sentences(DAYS[:300][WEEKDAY[:300] < 5], weekly_seasonality=False) == []


def test_hours_without_a_reading_are_named_as_ranges() -> None:
    clock = np.arange(24 * 60) % 24

    (sentence,) = sentences(HOURS[: 24 * 60][(clock >= 8) & (clock <= 20)], "h", 24)

    assert (
        sentence
        == "no reading from 00:00 to 07:59 and from 21:00 to 23:59: forecasts for these hours are a guess"
    )


def test_a_month_without_a_reading_is_named_where_a_year_has_a_season() -> None:
    month = DAYS.astype("datetime64[M]").astype(np.int64) % 12
    ds = DAYS[month != 3]

    assert sentences(ds, periods=60) == ["no reading in April: forecasts for April are a guess"]
    assert sentences(ds, periods=60, yearly_seasonality=False) == []


def test_a_holiday_that_only_the_horizon_has_is_named() -> None:
    holidays = {
        "holiday": ["fair", "race"],
        "ds": ["2023-02-01", "2023-04-14"],
        "lower_window": [0, 0],
        "upper_window": [0, 1],
    }

    (sentence,) = sentences(DAYS[:100], holidays=holidays)

    assert sentence.startswith("no reading on holiday 'race' and holiday 'race' +1 days: ")


def test_a_condition_that_was_never_true_is_named() -> None:
    season = {"name": "open", "period": 7, "fourier_order": 2, "condition_name": "is_open"}

    never, once = (
        sentences(DAYS[:100], seasonalities=[season], conditions={"is_open": np.arange(100) < some})
        for some in (0, 1)
    )

    assert never == ["condition 'is_open' was never true: forecasts in which it is true are a guess"]
    assert once == []


def test_an_ordinary_history_has_no_sentence() -> None:
    assert sentences(DAYS, country_holidays="US") == []
    assert sentences(HOURS[:500], "h", 48) == []


def test_without_a_spacing_the_steps_are_days() -> None:
    ds = np.sort(np.random.default_rng(1).choice(HOURS[: 24 * 90], 300, replace=False))
    ds = ds[(ds.astype("datetime64[D]").astype(np.int64) + 3) % 7 != 2]

    assert sentences(ds, None) == ["no reading on Wednesdays: forecasts for Wednesdays are a guess"]
