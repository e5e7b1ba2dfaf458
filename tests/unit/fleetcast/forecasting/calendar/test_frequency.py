"""Future timestamps equal those of pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError
from fleetcast.forecasting.calendar.frequency import future_stamps
from fleetcast.forecasting.calendar.timestamps import datetimes, microseconds

FREQUENCIES = [
    *(
        "D",
        "3D",
        "h",
        "6h",
        "min",
        "15min",
        "30s",
        "250ms",
        "10us",
        "1h30min",
        "1.5h",
        "W",
        "2W",
        "W-MON",
        "3W-FRI",
    ),
    *("B", "2B", "MS", "3MS", "ME", "2ME", "QS", "QS-FEB", "2QE", "QE-JAN", "YS", "YS-APR", "YE", "2YE-MAR"),
]


def by_pandas(last: np.datetime64, periods: int, freq: str) -> list[np.datetime64]:
    dates = pd.date_range(start=pd.Timestamp(last), periods=periods + 1, freq=freq)
    return [np.datetime64(date, "us") for date in dates[dates > last][:periods]]


@pytest.mark.parametrize("freq", FREQUENCIES)
@pytest.mark.parametrize(
    "last",
    [
        "2024-02-29T13:45:10",
        "2023-12-31",
        "2024-01-01",
        "2024-03-30T00:00:01",
        "1969-06-15T23:59:59",
        "2024-06-30T08:00",
    ],
)
def test_future_dates_are_those_of_pandas(freq: str, last: str) -> None:
    stamps = future_stamps(microseconds([last]), 9, freq)

    assert datetimes(stamps).tolist() == [
        date.item() for date in by_pandas(np.datetime64(last, "us"), 9, freq)
    ]


@given(freq=st.sampled_from(FREQUENCIES), seconds=st.integers(-(2**31), 2**32), periods=st.integers(1, 30))
@settings(max_examples=150)
def test_future_dates_are_those_of_pandas_from_any_instant(freq: str, seconds: int, periods: int) -> None:
    last = np.datetime64(seconds, "s").astype("datetime64[us]")

    stamps = future_stamps(last.astype(np.int64)[None], periods, freq)

    assert datetimes(stamps).tolist() == [date.item() for date in by_pandas(last, periods, freq)]


@pytest.mark.parametrize("freq", ["M", "Q", "Y", "A", "H", "T", "S"])
def test_aliases_of_older_pandas_are_accepted(freq: str) -> None:
    today = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "H": "h", "T": "min", "S": "s"}[freq]
    seen = microseconds(["2024-02-10T01:00"])

    assert future_stamps(seen, 4, freq).tolist() == future_stamps(seen, 4, today).tolist()


@pytest.mark.parametrize("freq", ["", "X", "0D", "-1D", "W-XXX", "MS-JAN", "bh", "SMS", "0MS", "0.1us", 7])
def test_an_unknown_frequency_is_refused_with_what_is_accepted(freq: str) -> None:
    with pytest.raises(FutureError, match="freq must be"):
        future_stamps(microseconds(["2024-02-10"]), 4, freq)


@pytest.mark.filterwarnings("ignore:A future version of pandas")
@pytest.mark.parametrize(
    "freq",
    [
        "D",
        "2D",
        "h",
        "15min",
        "s",
        "W-WED",
        "2W-SUN",
        "MS",
        "2MS",
        "ME",
        "QS",
        "QE-JAN",
        "YS",
        "YE",
        "2YS",
        "B",
    ],
)
def test_a_frequency_is_inferred_as_pandas_does(freq: str) -> None:
    dates = pd.date_range("2023-03-01", periods=30, freq=freq)
    inferred = pd.infer_freq(dates[-5:])

    stamps = future_stamps(microseconds(dates), 6, None)

    assert datetimes(stamps).tolist() == [
        date.item() for date in by_pandas(dates[-1].to_datetime64(), 6, inferred)
    ]


@pytest.mark.parametrize(
    "dates", [["2024-01-01", "2024-01-02", "2024-01-04"], ["2024-01-01", "2024-01-02"], ["2024-01-01"]]
)
def test_no_frequency_is_inferred_from_irregular_or_few_dates(dates: list[str]) -> None:
    with pytest.raises(FutureError, match="freq cannot be inferred"):
        future_stamps(microseconds(dates), 6, None)
