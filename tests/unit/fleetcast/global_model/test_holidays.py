"""Holidays as a global model sees them: features of days, and the days that a stored model has."""

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
import xgboost

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import FitOptions, ForecastOptions, HolidayEffects, Model, fit
from fleetcast.forecasting.calendar import DAY, microseconds
from fleetcast.forecasting.features import Holidays, history_holidays
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.global_model import (
    PLAIN_FEATURES,
    DatedModels,
    GlobalModel,
    GlobalSettings,
    OnHolidays,
    Part,
    Series,
    StoredHolidays,
    TrainingRows,
    check_plain,
    feature_rows,
    forecast_history,
    holiday_features,
    plain_path,
    plain_rows,
    read_global_model,
    trees_of,
    write_global_model,
)
from fleetcast.global_model import holidays as holidays_module
from fleetcast.global_model.holidays import columns_of_steps
from tests.unit.fleetcast.global_model.fleets import readings, series, stamps

FEAST = ("2024-02-20", "2024-04-09", "2024-05-16", "2024-06-11", "2024-07-15")
"""Days of the weeks of a history from 2024-01-01 on; the last two come after 120 days."""
DAYS = 120
HORIZON = 14


def table(*rows: tuple[str, str, int, int]) -> Holidays:
    columns = zip(*rows, strict=True)
    names = ("ds", "holiday", "lower_window", "upper_window")
    options = FitOptions(holidays=dict(zip(names, map(list, columns), strict=True)))
    holidays = history_holidays(options.settings.holidays, None, 2024, 2024, 10.0)
    assert holidays is not None
    return holidays


def feast() -> Holidays:
    return feast_until(len(FEAST))


def feast_until(count: int) -> Holidays:
    """Return the feast with its first days alone."""
    return table(*((day, "feast", 0, 0) for day in FEAST[:count]))


def days(first: str, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(microseconds([first])[0] + DAY * np.arange(count), np.int64)


def on_feast(freq: str, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    dates = stamps(freq, size).view("datetime64[us]").astype("datetime64[D]")
    return np.isin(dates, np.array(FEAST, "datetime64[D]")).astype(float)


def observed(seed: int, size: int = DAYS) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return readings that rise by three quarters of their level on a feast."""
    y = readings("D", size, seed)
    return np.asarray(y + 0.75 * y.mean() * on_feast("D", size), np.float64)


@cache
def model() -> GlobalModel:
    """Return a model of 40 customers who all know the feast."""
    on = OnHolidays(feast(), holiday_features(["feast"]))
    parts = [plain_rows(series("D", observed(n)), HORIZON, most=300, seed=n, on=on) for n in range(40)]
    rows = TrainingRows.together(parts, len(PLAIN_FEATURES) + len(on.features))
    options = {"objective": "reg:absoluteerror", "base_score": 0, "max_depth": 5, "eta": 0.1, "nthread": 1}
    booster = xgboost.train(options | {"seed": 1}, xgboost.DMatrix(rows.x, rows.target), 60)
    settings = GlobalSettings(freq="D", horizon=HORIZON, holidays=StoredHolidays.of(feast()))
    part = Part(trees_of(booster.save_raw("json")), (*PLAIN_FEATURES, *on.features))
    return GlobalModel(settings, {"plain": part})


def test_days_of_a_window_are_counted_from_the_holiday_and_all_others_are_0() -> None:
    holidays = table(("2024-03-10", "fair", -2, 3), ("2024-03-14", "feast", 0, 0))
    features = holiday_features(["fair", "feast", "unknown"])
    found = columns_of_steps(holidays, features, days("2024-03-07", 8))

    assert found["holiday:fair"].tolist() == [0, -2, -1, 1, 2, 3, 4, 0]
    assert found["holiday:feast"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert found["holiday:unknown"].tolist() == [0] * 8
    assert found["holiday"].tolist() == [0, 1, 1, 1, 1, 1, 1, 1]


def test_of_two_windows_that_meet_the_nearer_holiday_counts() -> None:
    holidays = table(("2024-03-10", "fair", -1, 3), ("2024-03-13", "fair", -1, 3))
    found = columns_of_steps(holidays, holiday_features(["fair"]), days("2024-03-10", 5))

    assert found["holiday:fair"].tolist() == [1, 2, -1, 1, 2]


def test_a_step_knows_whether_the_readings_it_is_compared_with_were_holidays() -> None:
    on = OnHolidays(feast(), holiday_features(["feast"]))
    origin = int(np.flatnonzero(on_feast("D", DAYS))[1]) + 2  # the feast was the last reading but one
    rows = feature_rows(series("D", observed(1)), np.array([origin]), np.arange(1, 15)[np.newaxis], on=on)
    found = {name: rows.x[0, :, len(PLAIN_FEATURES) + i].tolist() for i, name in enumerate(on.features)}

    assert found["holiday"] == [0.0] * 14
    assert found["holiday_days_1"] == [0, 0, 0, 0, 0, 1, 0] * 2  # a week before, or two
    assert found["holiday_weeks_1"] == [0.0] * 14  # four weeks before
    early = feature_rows(series("D", observed(1)), np.array([origin]), np.array([[27]]), on=on)
    assert early.x[0, 0, -2] == 1


def test_names_too_long_for_a_feature_count_among_all_holidays() -> None:
    holidays = table(("2024-03-10", "x" * 93, 0, 0))

    assert holiday_features(["x" * 93]) == holiday_features([])
    assert columns_of_steps(holidays, holiday_features([]), days("2024-03-10", 2))["holiday"].tolist() == [
        1,
        0,
    ]


def test_a_customer_that_never_had_a_holiday_is_forecast_with_it() -> None:
    y = readings("D", DAYS + 60, 77)
    end = int(np.flatnonzero(on_feast("D", y.size))[3]) - 5
    last_weeks = series("D", y[:end])
    with_feast = plain_path(model(), last_weeks, HORIZON, feast())
    without = plain_path(model(), last_weeks, HORIZON, feast_until(3))
    rise = (with_feast - without) / y.mean()

    assert 0.3 < rise[5] < 1
    assert (np.delete(rise, 5) == 0).all()


def test_the_own_effect_of_a_holiday_counts_once_where_it_is_added_later() -> None:
    y = observed(77, DAYS + 60)
    end = int(np.flatnonzero(on_feast("D", y.size))[3]) - 5
    times, usable = stamps("D", y.size), y[end - 50 : end]
    dates = list(FEAST)
    own = fit(
        times[end - 50 : end].view("datetime64[us]"),
        usable,
        FitOptions(holidays={"ds": dates, "holiday": ["feast"] * len(dates)}),
    )
    assert isinstance(own, Model)
    effects = HolidayEffects.of(own, {})
    assert effects is not None
    assert np.abs(effects.at(times[end : end + HORIZON])).max() > 0.3 * y.mean()
    history = GriddedHistory.of(times[end - 50 : end], usable, "D")
    assert history is not None
    without = history.without(effects.at(times[end - 50 : end]))
    (path,) = DatedModels((0,), (model(),)).paths([without], int(times[end - 1]), [50], HORIZON, [effects])
    whole = Series.of(history, int(times[end - 1]), "D")

    assert path is not None
    assert whole is not None
    np.testing.assert_allclose(
        path + effects.at(times[end : end + HORIZON]), plain_path(model(), whole, HORIZON, feast()), rtol=1e-5
    )


def test_a_history_in_a_request_has_the_holidays_of_the_model() -> None:
    y = readings("D", DAYS + 60, 77)
    end = int(np.flatnonzero(on_feast("D", y.size))[3]) - 5
    table_of = forecast_history(
        model(), stamps("D", end), y[:end], ForecastOptions(periods=HORIZON, freq=None)
    )

    np.testing.assert_allclose(
        table_of["yhat"], plain_path(model(), series("D", y[:end]), HORIZON, feast()), rtol=1e-6
    )


def test_beyond_the_horizon_a_holiday_counts_on_its_own_day_and_repeats_no_week() -> None:
    y = readings("D", DAYS + 60, 77)
    end = int(np.flatnonzero(on_feast("D", y.size))[3]) - 20
    found = plain_path(model(), series("D", y[:end]), 90, feast())
    usual = plain_path(model(), series("D", y[:end]), 90, feast_until(3))
    is_feast = on_feast("D", end + 90)[end:] > 0
    rise = (found - usual) / y.mean()

    assert is_feast.nonzero()[0].tolist() == [20, 54]  # both beyond 14 steps, one in a repeated cycle
    assert (rise[is_feast] > 0.3).all()
    assert (rise[~is_feast] == 0).all()


def test_a_stored_model_has_its_holidays() -> None:
    found = read_global_model(write_global_model(model()))
    y = observed(99)
    options = ForecastOptions(periods=30, freq=None)

    assert found.settings == model().settings
    check_plain(found)
    np.testing.assert_array_equal(
        forecast_history(found, stamps("D", DAYS), y, options)["yhat"],
        forecast_history(model(), stamps("D", DAYS), y, options)["yhat"],
    )


def test_a_model_without_holidays_is_stored_as_before() -> None:
    content = msgspec.msgpack.decode(msgspec.msgpack.encode(GlobalSettings(freq="D", horizon=14)))

    assert content == {"freq": "D", "horizon": 14, "plain_errors": None}


def test_features_of_holidays_without_holidays_are_refused() -> None:
    lost = replace(model(), settings=GlobalSettings(freq="D", horizon=HORIZON))

    with pytest.raises(ModelFormatError, match="no holidays"):
        check_plain(lost)


def test_years_whose_holidays_are_not_known_are_refused_with_those_that_are() -> None:
    holidays = history_holidays(None, "PT", 2023, 2024, 10.0)
    assert holidays is not None
    stored = StoredHolidays.of(holidays)
    own = replace(model(), settings=msgspec.structs.replace(model().settings, holidays=stored))
    y, late = observed(1), stamps("D", DAYS) + DAY * 366 * 11
    options = ForecastOptions(periods=7, freq=None)

    forecast_history(own, stamps("D", DAYS), y, options)
    with pytest.raises(FutureError, match="from 2023-01-01 to 2034-12-31"):
        forecast_history(own, late, y, options)
    with pytest.raises(FutureError, match="train it again"):
        forecast_history(own, stamps("D", DAYS), y, replace(options, ds=["2035-01-01"], periods=1))


def test_of_too_many_days_the_latest_are_stored_and_earlier_times_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holidays_module, "_MOST_DAYS", 2)
    stored = StoredHolidays.of(feast())

    assert len(stored.days) == 2
    stored.check(microseconds(["2024-07-01"]))
    with pytest.raises(FutureError, match="from 2024-06-12;"):
        stored.check(microseconds(["2024-06-11"]))


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ["feast"]},
        {"columns": ["feast_delim_x"]},
        {"columns": ["_delim_+0"]},
        {"positions": [1, 0, 0, 0, 0]},
        {"positions": [-1, 0, 0, 0, 0]},
        {"positions": [0]},
        {"days": [5, 4, 6, 7, 8]},
        {"days": [10**9] * 5},
        {"last": 10**9},
    ],
)
def test_days_that_are_none_are_refused(change: dict[str, Any]) -> None:
    content = msgspec.msgpack.decode(write_global_model(model()))
    content["settings"]["holidays"] |= change

    with pytest.raises(ModelFormatError):
        read_global_model(msgspec.msgpack.encode(content))
