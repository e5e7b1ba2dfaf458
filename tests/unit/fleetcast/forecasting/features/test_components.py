"""Changepoints, seasonalities, holidays and regressors follow Prophet's rules."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.calendar.timestamps import microseconds
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.feature_matrix import FeatureMatrix
from fleetcast.forecasting.features.seasonality import (
    Seasonality,
    days,
    fill_fourier_rows,
    fill_seasonal_rows,
    fourier_series,
    harmonics,
)
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.preprocessing.preparation import Prepared
from testbed import preparation
from testbed.preparation import fit_with


def prepared(rows: int = 60, step: str = "D", *, start: str = "2024-01-01", **arguments: Any) -> Prepared:
    ds = np.datetime64(start, "us") + np.arange(rows) * np.timedelta64(1, step)
    return preparation.prepared(ds, np.sin(np.arange(rows)), **arguments)


def layout(*args: Any, **arguments: Any) -> FeatureMatrix:
    return prepared(*args, **arguments).layout


@pytest.mark.parametrize(
    ("arguments", "placed"),
    [
        ({}, 25),
        ({"n_changepoints": 7}, 7),
        ({"n_changepoints": 47}, 47),
        ({"n_changepoints": 48}, 47),
        ({"changepoint_range": 0.2}, 11),
        ({"n_changepoints": 0}, 0),
        ({"changepoint_range": 0.0}, -1),
        ({"changepoints": []}, 0),
        ({"changepoints": ["2024-02-01", "2024-01-20"]}, 2),
    ],
)
def test_a_short_history_has_fewer_changepoints(arguments: dict[str, Any], placed: int) -> None:
    fit_in = prepared(**arguments)

    assert fit_in.settings.n_changepoints == placed
    assert fit_in.t_change.size == max(placed, 1)
    assert (np.diff(fit_in.t_change) > 0).all()
    if placed <= 0:
        assert fit_in.t_change.tolist() == [0]


@pytest.mark.parametrize("date", ["2023-12-31", "2024-03-01"])
def test_a_changepoint_outside_the_history_is_refused(date: str) -> None:
    with pytest.raises(HistoryError, match="changepoints must lie within"):
        prepared(changepoints=[date])


@pytest.mark.parametrize(
    ("rows", "step", "expected"),
    [
        (14, "D", []),
        (15, "D", ["weekly"]),
        (730, "D", ["weekly"]),
        (731, "D", ["yearly", "weekly"]),
        (48, "h", []),
        (49, "h", ["daily"]),
        (337, "h", ["weekly", "daily"]),
        (110, "W", ["yearly"]),
    ],
)
def test_built_in_seasonalities_follow_from_span_and_spacing(
    rows: int, step: str, expected: list[str]
) -> None:
    assert [seasonality.name for seasonality in layout(rows, step).seasonalities] == expected


def test_an_added_seasonality_replaces_the_built_in_one_unless_the_argument_asks_for_it() -> None:
    own = [{"name": "weekly", "period": 7, "fourier_order": 5}]

    assert [s.fourier_order for s in layout(seasonalities=own).seasonalities] == [5]
    assert [s.fourier_order for s in layout(seasonalities=own, weekly_seasonality=True).seasonalities] == [3]


@given(
    order=st.integers(1, 40),
    period=st.floats(0.01, 4000),
    seconds=st.lists(st.integers(-(2**33), 2**33), min_size=1, max_size=20),
)
@settings(max_examples=100)
def test_fast_fourier_rows_equal_the_direct_formula(order: int, period: float, seconds: list[int]) -> None:
    t = days(np.array(seconds) * 1_000_000)
    fast = np.empty((2 * order, t.size))

    fill_fourier_rows(fast, t, period=period)

    exact = fourier_series(t, np.arange(1, order + 1) / period)
    rounding = 2e-15 * order * (2 * np.pi * np.abs(t).max() / period + order)
    assert np.abs(fast - exact.T).max() <= 1e-13 + rounding


@pytest.mark.parametrize(
    ("seasonality", "reason"),
    [
        ({"name": "x", "period": 7}, "'fourier_order' is missing"),
        ({"name": "x", "period": 7, "fourier_order": 3, "order": 1}, "'order' is none of them"),
        ({"name": "x", "period": 0, "fourier_order": 3}, "period of 'x' must be"),
        ({"name": "x", "period": 7, "fourier_order": 0}, "fourier_order of 'x' must be"),
        ({"name": "x", "period": 7, "fourier_order": 1, "prior_scale": 0}, "prior_scale of 'x' must be"),
        ({"name": "x", "period": 7, "fourier_order": 1, "mode": "up"}, "mode of 'x' must be"),
        ({"name": "trend", "period": 7, "fourier_order": 1}, "'trend' is reserved"),
        ({"name": "a_delim_b", "period": 7, "fourier_order": 1}, "_delim_"),
        ({"name": "x", "period": 7, "fourier_order": 1, "condition_name": "x"}, "already used"),
    ],
)
def test_a_bad_seasonality_is_refused(seasonality: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        layout(seasonalities=[seasonality])


@pytest.mark.parametrize(
    ("regressor", "reason"),
    [
        ({"prior_scale": 3}, "a regressor has name"),
        ({"name": "r", "scale": 3}, "a regressor has name"),
        ({"name": "yhat"}, "'yhat' is reserved"),
        ({"name": "r", "standardize": "no"}, "standardize of 'r'"),
        ({"name": "r", "prior_scale": -1}, "prior_scale of 'r'"),
        ({"name": "r", "mode": "x"}, "mode of 'r'"),
        ({"name": "r", "regressor_predictor": True}, "regressor_predictor of 'r'"),
    ],
)
def test_a_bad_regressor_is_refused(regressor: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        layout(extra_regressors=[regressor], regressors={"r": np.arange(60.0)})


def test_names_are_used_once() -> None:
    with pytest.raises(SettingError, match="already used"):
        layout(extra_regressors=["r", "r"], regressors={"r": np.arange(60.0)})
    with pytest.raises(SettingError, match="already used for a holiday"):
        layout(
            seasonalities=[{"name": "fair", "period": 7, "fourier_order": 1}],
            holidays=[{"ds": "2024-01-05", "holiday": "fair"}],
        )


def test_a_country_holiday_with_a_used_name_fails_only_histories_that_have_it() -> None:
    jubilee = "Platinum Jubilee of Elizabeth II"
    arguments = {"country_holidays": "GB", "regressors": {jubilee: np.arange(60.0)}}
    layout(start="2021-01-01", **arguments)

    with pytest.raises(HistoryError, match="already used for a holiday"):
        layout(start="2022-01-01", **arguments)


def test_a_prior_that_differs_from_the_countrys_fails_only_histories_with_the_holiday() -> None:
    fair = [{"ds": "2021-05-01", "holiday": "Platinum Jubilee of Elizabeth II", "prior_scale": 3.0}]
    arguments = {"country_holidays": "GB", "holidays": fair}
    layout(start="2010-01-01", **arguments)

    with pytest.raises(HistoryError, match="prior_scale"):
        layout(start="2022-01-01", **arguments)


@pytest.mark.parametrize("country", ["Utopia", "us", "utils", "__doc__", 7, ""])
def test_a_country_that_does_not_exist_is_a_setting_error(country: object) -> None:
    with pytest.raises(SettingError, match="country_holidays must be a country"):
        layout(country_holidays=country)


@pytest.mark.parametrize(
    ("values", "standardize", "standardized"),
    [
        (np.arange(60.0), "auto", True),
        (np.arange(60) % 2, "auto", False),
        (np.arange(60) % 2, True, True),
        (np.arange(60.0), False, False),
        (np.full(60, 3.0), "auto", False),
        (np.full(60, 3.0), True, False),
        (np.arange(60) % 3, "auto", True),
        ((np.arange(60) % 3) / 2, "auto", True),
    ],
)
def test_regressors_are_standardized_unless_binary_or_constant(
    values: np.ndarray,
    standardize: object,
    standardized: bool,  # noqa: FBT001
) -> None:
    regressor = {"name": "r", "standardize": standardize}

    found = prepared(extra_regressors=[regressor], regressors={"r": values}).standardizations[0]

    expected = (values.mean(), values.std(ddof=1)) if standardized else (0, 1)
    assert (found.mu, found.std) == pytest.approx(expected, rel=1e-14)


def test_each_regressor_of_the_rows_is_used_unless_extra_regressors_names_others() -> None:
    values = {"a": np.arange(60.0), "b": np.arange(60.0) ** 2}

    assert [r.name for r in layout(regressors=values).regressors] == ["a", "b"]
    assert [r.name for r in layout(regressors=values, extra_regressors=["b"]).regressors] == ["b"]


FAIR = {"ds": ["2024-01-10T15:30", "2024-01-20"], "holiday": ["fair", "fair"]}


def test_a_holiday_with_a_clock_time_flags_the_whole_day() -> None:
    known = layout(holidays=FAIR).holidays
    assert known is not None

    features = known.features(
        microseconds(["2024-01-10", "2024-01-10T23:59:59", "2024-01-11", "2024-01-20T06:00"])
    )

    assert known.columns == ("fair_delim_+0",)
    assert features.tolist() == [[1], [1], [0], [1]]


def test_windows_flag_the_days_around() -> None:
    known = layout(holidays={**FAIR, "lower_window": [-1, None], "upper_window": [2, 5]}).holidays
    assert known is not None

    days_flagged = known.features(microseconds([f"2024-01-{day:02}" for day in (9, 10, 11, 12, 13, 20, 21)]))

    assert known.columns == ("fair_delim_+0", "fair_delim_+1", "fair_delim_+2", "fair_delim_-1")
    assert days_flagged.argmax(axis=1).tolist()[:4] == [3, 0, 1, 2]
    assert days_flagged.sum(axis=1).tolist() == [1, 1, 1, 1, 0, 1, 0]


def test_holidays_may_be_columns_rows_or_a_data_frame() -> None:
    rows = [{"ds": "2024-01-10T15:30", "holiday": "fair"}, {"ds": "2024-01-20", "holiday": "fair"}]

    tables = [HolidayTable.of(FAIR), HolidayTable.of(rows), HolidayTable.of(pd.DataFrame(FAIR))]

    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize(
    ("holidays", "reason"),
    [
        ({"ds": ["2024-01-10"]}, "columns ds and holiday"),
        ({"ds": [None], "holiday": ["fair"]}, "holidays: ds"),
        ({"ds": ["2024-01-10"], "holiday": [None]}, "must be a name"),
        ({**FAIR, "lower_window": [-1, 0]}, "both lower_window and upper_window"),
        ({**FAIR, "lower_window": [1, 0], "upper_window": [1, 0]}, "lower_window must be 0 or below"),
        ({**FAIR, "lower_window": [0, 0], "upper_window": [-1, 0]}, "upper_window must be 0 or above"),
        ({**FAIR, "prior_scale": [0, 1]}, "prior_scale must be above 0"),
        ({**FAIR, "prior_scale": [2, 1]}, "must be the same in every row"),
        ({"ds": ["2024-01-10"], "holiday": ["trend"]}, "'trend' is reserved"),
        ([3], "a list of such rows"),
    ],
)
def test_bad_holidays_are_refused(holidays: object, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        layout(holidays=holidays)


def test_a_country_has_the_holidays_of_the_historys_years_and_ten_years_on() -> None:
    known = layout(country_holidays="US").holidays
    assert known is not None

    assert set(known.names) == set(country_holidays("US", [2024]))
    assert known.resolved_years == range(2024, 2035)
    assert (
        known.features(microseconds(["2034-07-04"]))[0, known.columns.index("Independence Day_delim_+0")] == 1
    )
    assert (
        known.features(microseconds(["2061-07-04"]))[0, known.columns.index("Independence Day_delim_+0")] == 1
    )


@pytest.mark.parametrize("country", ["XX", "Atlantis"])
def test_an_unknown_country_is_refused(country: str) -> None:
    with pytest.raises(SettingError, match="country_holidays must be a country"):
        layout(country_holidays=country)


def test_customers_with_the_same_components_share_one_layout() -> None:
    assert layout(60) is layout(70)


def test_an_option_of_another_name_is_an_unexpected_keyword() -> None:
    with pytest.raises(TypeError, match="seasonality"):
        fit_with(["2024-01-01", "2024-01-02"], [1, 2], seasonality=3)


@pytest.mark.parametrize("step", ["D", "h", "m", "s"])
@pytest.mark.parametrize("period", [0.25, 1, 7, 6.5, 30.5, 365.25])
@pytest.mark.parametrize("jitter", [0, 1])
def test_cycles_of_a_regular_history_are_repeated_to_the_same_rows(
    step: str, period: float, jitter: int
) -> None:
    ds = np.datetime64("2024-01-01T05:30", "us") + np.arange(200) * np.timedelta64(1, step)
    stamps = ds.view(np.int64) + jitter * np.arange(200) ** 2
    seasonality = Seasonality("s", period, 4, 10.0, "additive")
    rows = np.full((8, 200), np.nan)

    fill_seasonal_rows(rows, stamps, [seasonality])

    assert np.abs(rows.T - fourier_series(days(stamps), harmonics([seasonality]))).max() < 1e-9
