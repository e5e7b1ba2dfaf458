"""Timestamps of any kind as microseconds since 1970."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from fleetcast.forecasting.calendar.timestamps import datetimes, from_iso, iso, microseconds, years


@pytest.mark.parametrize(
    "values",
    [
        np.array(["1969-12-31T23:59:59.5", "2020-02-29"], "datetime64[ms]"),
        pd.Series(pd.to_datetime(["1969-12-31 23:59:59.5", "2020-02-29 00:00:00.0"])),
        pd.to_datetime(["1969-12-31 23:59:59.5", "2020-02-29 00:00:00.0"]).astype("datetime64[ns]"),
        ["1969-12-31T23:59:59.5", "2020-02-29"],
        [datetime(1969, 12, 31, 23, 59, 59, 500_000), datetime(2020, 2, 29)],  # noqa: DTZ001
        [pd.Timestamp("1969-12-31 23:59:59.5"), pd.Timestamp("2020-02-29")],
    ],
)
def test_dates_of_any_kind_become_microseconds(values: object) -> None:
    assert microseconds(values).tolist() == [-500_000, 1_582_934_400_000_000]


def test_the_years_1500_and_2500_fit() -> None:
    stamps = microseconds(["1500-01-01", "2500-12-31T23:59:59.999999"])

    assert years(stamps).tolist() == [1500, 2500]
    assert iso(stamps) == ["1500-01-01T00:00:00.000000", "2500-12-31T23:59:59.999999"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([datetime(2020, 1, 1, tzinfo=UTC)], "time zone"),
        (pd.date_range("2020", periods=2, tz="Europe/Berlin"), "time zone"),
        (["2020-01-01T00:00:00Z"], "without a time zone"),
        (["2020-01-01T00:00:00+01:00"], "without a time zone"),
        (["2020-01-01", None], "NaT"),
        (np.array(["NaT", "2020-01-01"], "datetime64[s]"), "NaT"),
        ([20200101], "not int64 values"),
        ([1.5], "not float64 values"),
        (["first"], "must hold dates"),
        (np.datetime64("2020-01-01"), "one-dimensional"),
    ],
)
def test_values_that_are_no_plain_dates_are_refused(values: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        microseconds(values)


@pytest.mark.parametrize("ending", ["", "Z", "+00:00"])
def test_iso_text_of_every_pandas_is_read(ending: str) -> None:
    assert from_iso([f"2020-02-29T12:00:00.250{ending}"]).tolist() == [1_582_977_600_250_000]


def test_iso_text_has_milliseconds_unless_microseconds_matter() -> None:
    assert iso(microseconds(["2020-01-01T00:00:01.5"])) == ["2020-01-01T00:00:01.500"]
    assert iso(microseconds(["2020-01-01T00:00:01.000001"])) == ["2020-01-01T00:00:01.000001"]


def test_datetimes_shares_memory() -> None:
    stamps = microseconds(["2020-01-01"])

    assert np.shares_memory(datetimes(stamps), stamps)
