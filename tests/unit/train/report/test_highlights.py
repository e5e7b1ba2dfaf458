"""The figures at the top of the page, and when each is good or bad."""

from typing import Any

import pytest

from container import Host
from fleetcast.evaluation import Holdout
from train.channel import Customer
from train.customer import Failed
from train.job import JobResult
from train.report.highlights import highlights
from train.settings import TrainSettings
from train.tally import Tally

SETTINGS = TrainSettings()


def metrics(combined: float, covered: float) -> dict[str, Any]:
    return {
        "backtest": {"combined": combined, "seasonal_naive": 1.0},
        "members": {"seasonal_naive": 1.0},
        "backtest_coverage": {"80": covered},
    }


def result_of(tally: Tally, customers: int) -> JobResult:
    return JobResult(Host(), [Customer(str(number), ()) for number in range(customers)], tally, seconds=1.0)


def states(*customers: tuple[float, float]) -> list[tuple[str, str]]:
    tally = Tally()
    for number, (combined, covered) in enumerate(customers):
        tally.statuses["ok"] += 1
        tally.comparison.add(str(number), metrics(combined, covered), 100, "")
    found = highlights(result_of(tally, len(customers)), SETTINGS, None)
    return [(each.value.replace("\N{NO-BREAK SPACE}", " "), each.state) for each in found]


def test_a_fleet_that_beats_the_naive_forecast_and_covers_its_readings_is_good() -> None:
    assert states((0.5, 0.78), (0.7, 0.82)) == [
        ("2 of 2", "good"),
        ("100.0 %", "good"),
        ("40.0 %", "good"),
        ("80.0 %", "good"),
    ]


def test_a_fleet_that_loses_to_the_naive_forecast_and_misses_its_readings_is_bad() -> None:
    assert states((1.5, 0.5), (1.3, 0.6), (0.8, 0.5)) == [
        ("3 of 3", "good"),
        ("33.3 %", "bad"),
        ("20.0 %", "bad"),
        ("53.3 %", "bad"),
    ]


@pytest.mark.parametrize(("covered", "state"), [(0.75, "good"), (0.86, "fair"), (0.95, "bad")])
def test_intervals_that_cover_too_much_are_no_good_either(covered: float, state: str) -> None:
    assert states((0.5, covered))[-1][1] == state


def test_a_failed_customer_is_bad() -> None:
    tally = Tally()
    tally.add(Failed(customer="0", reason="no reading is a number"))

    (only,) = highlights(result_of(tally, 2), SETTINGS, None)

    assert (only.value, only.text, only.state) == ("0 of 2", "customers have a model; 1 failed", "bad")


def test_without_backtests_the_error_says_where_it_was_measured() -> None:
    held_out = TrainSettings(holdout=Holdout(rows=7))

    texts = [highlights(result_of(Tally(), 0), each, 0.5)[-1].text for each in (SETTINGS, held_out)]

    assert texts == ["mean error (mase) in sample", "mean error (mase) on held-out readings"]
