"""The features of steps after an origin: they see no later reading, and have no unit."""

from typing import Any

import numpy as np
import pytest

from fleetcast.forecasting.arrays import Vector
from fleetcast.global_model import PLAIN_FEATURES, STACKED_FEATURES, Rows, feature_rows, local_forecasts
from fleetcast.global_model.features import AHEAD
from tests.unit.fleetcast.global_model.fleets import CYCLES, readings, series
from tests.unit.fleetcast.global_model.garbage import GARBAGE, after

OF_UNIT = ["variation"]
"""It says how large readings are in comparison to their changes, so a constant that is added changes it."""
OF_LOGARITHM = ["path_autoregression", "error_autoregression", "weighted_path", "spread"]
"""A regression of logarithms is not the same after a constant is added."""


def rows(y: Vector, at: int, freq: str = "h", *, stacked: bool = True, horizon: int = 0) -> Rows:
    """Return the features of two short cycles after the first `at` steps."""
    own = series(freq, y)
    horizon = horizon or 2 * own.cycles.short
    local = local_forecasts(own, [at], horizon) if stacked else None
    return feature_rows(own, np.array([at]), np.arange(1, horizon + 1)[np.newaxis], local)


def named(found: Rows, *, without: list[str] = []) -> dict[str, Any]:  # noqa: B006 - not changed
    names = STACKED_FEATURES if found.x.shape[2] == len(STACKED_FEATURES) else PLAIN_FEATURES
    return {name: found.x[0, :, i] for i, name in enumerate(names) if name not in without}


def history(freq: str, cycles: int = 6, seed: int = 3) -> Vector:
    return readings(freq, cycles * CYCLES[freq][1], seed)


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("freq", ["h", "D"])
def test_readings_after_the_origin_change_nothing_by_a_bit(freq: str, kind: str) -> None:
    y = history(freq, 6)
    at = 4 * CYCLES[freq][1] + 5
    expected, found = rows(y, at, freq), rows(after(y, at, kind), at, freq)

    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.base, expected.base)
    np.testing.assert_array_equal(found.scale, expected.scale)


def test_later_origins_change_nothing_of_an_earlier_one() -> None:
    y = history("h")
    own = series("h", y)
    origins, ahead = np.array([500, 700]), np.tile(np.arange(1, 49), (2, 1))
    together = feature_rows(own, origins, ahead)
    alone = feature_rows(own, origins[:1], ahead[:1])

    np.testing.assert_array_equal(together.x[0], alone.x[0])


def test_the_last_reading_before_the_origin_counts() -> None:
    y = history("h")
    changed = y.copy()
    changed[599] += 1

    assert named(rows(changed, 600))["last"][0] != named(rows(y, 600))["last"][0]


@pytest.mark.parametrize("freq", CYCLES)
@pytest.mark.parametrize("factor", [8.0, 1 / 3, 1e300, 1e-300])
def test_the_unit_of_readings_does_not_change_plain_features(freq: str, factor: float) -> None:
    y = history(freq)
    expected, found = rows(y, y.size, freq, stacked=False), rows(y * factor, y.size, freq, stacked=False)

    np.testing.assert_allclose(found.x, expected.x, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(found.base / factor, expected.base, rtol=1e-9)
    np.testing.assert_allclose(found.scale / factor, expected.scale, rtol=1e-9)


@pytest.mark.parametrize("factor", [8.0, 1 / 3, 1e4])
def test_the_unit_of_readings_does_not_change_stacked_features(factor: float) -> None:
    y = history("h")

    np.testing.assert_allclose(rows(y * factor, y.size).x, rows(y, y.size).x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("constant", [1e4, -1e4])
def test_a_constant_that_is_added_changes_no_feature_but_the_variation(constant: float) -> None:
    y = history("h") - 1e4  # negative, so that no method takes logarithms
    if constant > 0:
        y -= 2e4
    expected, found = rows(y, y.size), rows(y + constant, y.size)

    for name, values in named(found, without=OF_UNIT).items():
        np.testing.assert_allclose(values, named(expected)[name], rtol=1e-3, atol=2e-4, err_msg=name)


def test_a_counter_with_small_changes_has_features_of_its_changes() -> None:
    y = history("h")
    expected, found = named(rows(y, y.size)), named(rows(y + 1e9, y.size))

    for name in found.keys() - {*OF_UNIT, *OF_LOGARITHM}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("freq", CYCLES)
def test_one_very_large_reading_long_ago_changes_no_feature(freq: str) -> None:
    y = history(freq, 7)
    spoilt = y.copy()
    spoilt[3] = 1e25

    np.testing.assert_array_equal(
        rows(spoilt, y.size, freq, stacked=False).x, rows(y, y.size, freq, stacked=False).x
    )


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e9, 1e-9, 0.1])
def test_a_constant_history_is_not_corrected(value: float) -> None:
    found = rows(np.full(800, value), 800)

    assert found.scale[0, 0] == 0
    np.testing.assert_allclose(found.base, value, rtol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "stacked"])
def test_a_history_that_repeats_its_short_cycle_is_not_corrected(kind: str) -> None:
    day = readings("h", 24, 5)
    found = rows(np.resize(day, 840), 840, stacked=kind == "stacked")

    assert found.scale[0, 0] == 0
    np.testing.assert_allclose(found.base[0], np.resize(day, 48), rtol=1e-9)


def test_a_history_shorter_than_a_cycle_has_the_scale_of_its_deviation() -> None:
    y = history("h")[:20]
    found = rows(y, 20, stacked=False)

    assert found.scale[0, 0] == pytest.approx(y.std())
    assert np.isfinite(found.base).all()


def test_one_reading_is_its_own_forecast() -> None:
    found = rows(np.array([7.0]), 1)

    np.testing.assert_allclose(found.base, 7.0, rtol=1e-15)
    assert found.scale[0, 0] == 0


def test_a_gap_before_the_origin_leaves_features_out_and_the_forecast_a_number() -> None:
    y = history("h")
    at = y.size - 100
    gap = y.copy()
    gap[at - 30 : at] = np.nan
    found = rows(gap, at)

    assert np.isnan(named(found)["last"]).all()
    assert np.isnan(named(found)["days_1"]).any()
    assert np.isfinite(named(found)["weeks_1"]).all()
    assert np.isfinite(found.base).all()
    assert found.scale[0, 0] > 0


def test_lags_are_the_readings_at_the_same_place_of_earlier_cycles() -> None:
    y = np.arange(1_000.0) ** 1.5
    at, ahead = 900, 30
    found = rows(y, at, stacked=False)
    level, scale = y[at - 168 : at].mean(), found.scale[0, 0]

    def lag(name: str) -> float:
        return float(named(found)[name][ahead - 1] * scale + level)

    step = at + ahead - 1
    assert scale == pytest.approx(np.abs(y[at - 672 + 24 : at] - y[at - 672 : at - 24]).mean())
    assert lag("days_1") == pytest.approx(y[step - 48], rel=1e-4)
    assert lag("days_2") == pytest.approx(y[step - 72], rel=1e-4)
    assert lag("days_1_after") == pytest.approx(y[step - 47], rel=1e-4)
    assert lag("weeks_1") == pytest.approx(y[step - 168], rel=1e-4)
    assert lag("weeks_3") == pytest.approx(y[step - 504], rel=1e-4)
    assert lag("mean_around_weeks_1") == pytest.approx(y[step - 180 : step - 156].mean(), rel=1e-4)
    assert lag("last") == pytest.approx(y[at - 1], rel=1e-4)


def test_means_around_a_step_end_before_the_origin() -> None:
    y = np.arange(1_000.0)
    at, ahead = 900, 167  # a long cycle before it is the step before the last: its window is cut
    found = rows(y, at, stacked=False, horizon=168)
    value = named(found)["mean_around_weeks_1"][ahead - 1] * found.scale[0, 0] + y[at - 168 : at].mean()

    assert value == pytest.approx(y[at - 2 - 12 : at].mean(), rel=1e-4)


def test_the_step_ahead_and_the_hour_of_each_step_are_features() -> None:
    found = named(rows(history("h")[:700], 700))

    assert found["ahead"].tolist() == list(range(1, 49))
    assert found["hour"][:3].tolist() == [700 % 24, 701 % 24, 702 % 24]
    assert PLAIN_FEATURES[AHEAD] == "ahead"


def test_a_limit_hides_earlier_readings() -> None:
    y = history("h")
    own, at = series("h", y), np.array([y.size])
    ahead = np.arange(1, 49)[np.newaxis]
    limited = feature_rows(own, at, ahead, longest=np.array([72]))
    short = rows(y[-72:], 72, stacked=False)

    np.testing.assert_allclose(
        np.delete(limited.x, PLAIN_FEATURES.index("hour"), 2),
        np.delete(short.x, PLAIN_FEATURES.index("hour"), 2),
        rtol=1e-6,
    )
    np.testing.assert_allclose(limited.scale, short.scale)
