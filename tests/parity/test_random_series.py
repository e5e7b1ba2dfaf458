"""Random series of every kind against stock Prophet: a part of `make bench-random`."""

from typing import Any

import pytest

from testbed.random_series import LONG, judged
from testbed.stock_cases import STOCK_WARNINGS

pytestmark = [
    STOCK_WARNINGS,
    pytest.mark.filterwarnings("ignore:Requested Holidays:UserWarning"),
    # what a fit that is given up leaves open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]

SEEDS = (
    1003,
    1004,
    1007,
    1008,
    1012,
    1022,
    1023,
    1025,
    1028,
    1033,
    1034,
    1035,
    1036,
    1039,
    1043,
    1049,
    1066,
    1079,
    1106,
    2002,
)
"""Quick ones, with a short history that once crashed the fit at the end."""


@pytest.fixture(scope="module")
def comparisons() -> list[dict[str, Any]]:
    return [judged(seed) for seed in SEEDS]


def test_no_random_series_crashes_the_fit(comparisons: list[dict[str, Any]]) -> None:
    assert [series for series in comparisons if series["outcome"].startswith("crash")] == []


def test_on_random_series_without_an_open_direction_f_is_never_above_stocks(
    comparisons: list[dict[str, Any]],
) -> None:
    compared = [series for series in comparisons if series.get("open") is False]

    assert len(compared) >= 3
    assert [series for series in compared if series["above"]] == []


def test_on_random_series_weekdays_and_hours_never_seen_are_forecast_as_stock_does(
    comparisons: list[dict[str, Any]],
) -> None:
    unseen = [series for series in comparisons if series["closed"] in {"weekdays", "hours"}]
    unseen = [series for series in unseen if "unseen_apart_in_ranges" in series and not series["corrected"]]
    far = [series for series in unseen if series["rows"] >= LONG and series["unseen_apart_in_ranges"] > 0.25]
    outside = [
        series for series in unseen if series["rows"] < LONG and series["unseen_outside_in_ranges"] > 0
    ]

    assert len(unseen) >= 3
    assert far == []
    assert outside == []
