"""Histories without a backtest of their own, forecast as the fleet suggests."""

import msgspec
import numpy as np
import pytest

from fleetcast.evaluation import CombineOptions, FleetMeans, forecast_as_fleet
from fleetcast.evaluation.fleet import MethodMeans
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import Combination
from testbed.combined import combination, fleet_of, hourly

HOURS = 34
"""Too few for a backtest."""


def with_methods(**log_errors: float) -> dict[str, FleetMeans]:
    methods = {name: MethodMeans(10, error) for name, error in log_errors.items()}
    return {"h": msgspec.structs.replace(fleet_of()["h"], methods=methods)}


def path_of(made: Combination | None) -> Vector:
    assert made is not None
    assert made.correction is not None
    assert made.correction.share == 0
    return made.correction.path


def test_a_day_and_a_half_is_forecast_better_than_by_its_last_value_and_within_its_intervals() -> None:
    inside, ours, others = [], [], []
    for seed in range(20, 30):
        stamps, y = hourly(HOURS + 24, seed=seed)
        assert combination(stamps[:HOURS], y[:HOURS]) is None

        made = forecast_as_fleet(stamps[:HOURS], y[:HOURS], "h", CombineOptions(fleet=fleet_of()))

        path = path_of(made)
        assert made is not None
        assert made.calibration is not None
        lower, upper = (made.calibration.offsets(np.arange(1.0, 25), share) for share in (0.1, 0.9))
        after = y[HOURS:]
        inside.append(((path[:24] + lower <= after) & (after <= path[:24] + upper)).mean())
        ours.append(np.abs(after - path[:24]).mean())
        others.append(np.abs(after - y[HOURS - 1]).mean())

    assert np.mean(ours) < 0.8 * np.mean(others)
    assert 0.7 <= np.mean(inside) <= 0.95


def test_the_forecast_reaches_twice_the_longest_season_or_the_horizon_that_is_set() -> None:
    stamps, y = hourly(HOURS)

    assert path_of(forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet_of()))).size == 336
    options = CombineOptions(fleet=fleet_of(), horizon=30)
    assert path_of(forecast_as_fleet(stamps, y, "h", options)).size == 60


def test_the_median_of_three_methods_forecasts_and_with_a_champion_the_best() -> None:
    stamps, y = hourly(24 * 8)
    fleet = with_methods(seasonal_naive=0.0, median=-0.1, profile=-0.2, median_slow=0.3)
    options = CombineOptions(fleet=fleet)
    single = [
        path_of(forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet, members=(name,))))
        for name in ("seasonal_naive", "median", "profile")
    ]

    together = path_of(forecast_as_fleet(stamps, y, "h", options))
    champion = path_of(forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet, one_only=True)))

    assert together == pytest.approx(np.median(single, axis=0), abs=1e-3)
    assert champion == pytest.approx(single[2], abs=1e-3)


def test_a_method_that_failed_in_the_last_season_takes_no_part() -> None:
    stamps, y = hourly(24 * 8)
    y[-48:-24] += 1e4  # only the naive forecast repeats this day
    y[-24:] += 1e4
    fleet = with_methods(seasonal_naive=0.0, median=-0.5)

    path = path_of(forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet)))

    assert path[:24] == pytest.approx(y[-24:], rel=1e-5)


def test_prophets_model_forecasts_where_it_errs_least_in_the_fleet() -> None:
    stamps, y = hourly(HOURS)
    fleet = with_methods(seasonal_naive=0.0, prophet=-0.1, profile=-0.05)

    assert forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet)) is None


@pytest.mark.parametrize(
    "kind", ["one reading", "constant", "repeated", "a day", "gaps", "another frequency"]
)
def test_a_history_that_says_nothing_stays_prophets(kind: str) -> None:
    stamps, y = hourly(HOURS)
    freq = "h"
    match kind:
        case "one reading":
            stamps, y = stamps[:1], y[:1]
        case "constant":
            y = np.ones(HOURS)
        case "repeated":
            y = np.resize(y[:24], HOURS) * (1 + 1e-16 * np.arange(HOURS))
        case "a day":
            stamps, y = stamps[:24], y[:24]
        case "gaps":
            stamps, y = stamps[::3], y[::3]
        case "another frequency":
            freq = "30min"

    assert forecast_as_fleet(stamps, y, freq, CombineOptions(fleet=fleet_of())) is None


def test_intervals_are_prophets_unless_they_are_to_be_calibrated() -> None:
    stamps, y = hourly(HOURS)

    made = forecast_as_fleet(stamps, y, "h", CombineOptions(fleet=fleet_of(), calibrate=False))

    assert made is not None
    assert made.calibration is None
