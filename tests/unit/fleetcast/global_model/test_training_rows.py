"""One customer's part of the rows that a global model is trained on."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from fleetcast.forecasting.calendar import DAY, Stamps
from fleetcast.global_model import (
    PLAIN_FEATURES,
    STACKED_FEATURES,
    Series,
    TrainingRows,
    plain_rows,
    stacked_rows,
    training_rows,
)
from fleetcast.global_model.features import AHEAD
from tests.unit.fleetcast.global_model.fleets import CYCLES, readings, series, stamps
from tests.unit.fleetcast.global_model.garbage import GARBAGE, after

HOUR = DAY // 24
Y = readings("h", 840, 4)
KINDS: dict[str, Callable[..., TrainingRows | None]] = {"plain": plain_rows, "stacked": stacked_rows}


def drawn(kind: str, own: Series, *, horizon: int = 48, most: int = 300, seed: int = 1) -> TrainingRows:
    found = KINDS[kind](own, horizon, most=most, seed=seed)
    assert found is not None
    return found


def origins(found: TrainingRows) -> Stamps:
    """Return the number of steps before the origin of each row."""
    first = stamps("h", 1)[0]
    return np.asarray((found.times - first) // HOUR - found.x[:, AHEAD].astype(np.int64) + 1, np.int64)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")  # of the huge readings
@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("kind", KINDS)
def test_readings_after_a_date_change_no_row_up_to_it_by_a_bit(kind: str, garbage: str) -> None:
    at = 650
    date = int(stamps("h", at)[-1])
    expected = drawn(kind, series("h", Y)).until(date)
    found = drawn(kind, series("h", after(Y, at, garbage))).until(date)

    assert 0 < expected.target.size < drawn(kind, series("h", Y)).target.size
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.target, expected.target)
    np.testing.assert_array_equal(found.times, expected.times)


@pytest.mark.parametrize("freq", CYCLES)
@pytest.mark.parametrize("kind", KINDS)
def test_origins_are_whole_cycles_before_the_end_with_enough_before(kind: str, freq: str) -> None:
    short, long = CYCLES[freq]
    own = series(freq, readings(freq, 5 * long, 1))
    found = drawn(kind, own, horizon=2 * short)
    steps = (found.times - own.times(np.array([0]))) // own.step
    before = steps - found.x[:, AHEAD].astype(np.int64) + 1

    assert ((5 * long - before) % short == 0).all()
    assert before.min() >= (2 * long if kind == "stacked" else 3 * short)
    assert found.x[:, AHEAD].min() >= 1
    assert found.x[:, AHEAD].max() <= 2 * short
    assert found.x.shape[1] == len(STACKED_FEATURES if kind == "stacked" else PLAIN_FEATURES)


def test_the_target_is_the_reading_less_the_base_in_units_of_the_scale() -> None:
    own = series("h", np.arange(840.0))  # each day is 24 above the last
    found = drawn("plain", own)
    near = found.x[:, AHEAD] <= 24

    assert near.any()
    weights = 0.7 ** np.arange(7)
    full = weights @ np.arange(1, 8) / weights.sum()  # days that the profile lies behind, in units of 24
    whole = near & (origins(found) > 14 * 24) & (found.x[:, PLAIN_FEATURES.index("readings")] == 28)
    assert whole.any()
    np.testing.assert_allclose(found.target[whole], full, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_same_each_time_and_others_with_another_seed(kind: str) -> None:
    own = series("h", Y)
    one, two, other = (drawn(kind, own, seed=seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(one.x, two.x)
    assert other.x.shape != one.x.shape or (other.x[:, AHEAD] != one.x[:, AHEAD]).any()


@pytest.mark.parametrize("most", [1, 50, 400, 100_000])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_bounded(kind: str, most: int) -> None:
    found = drawn(kind, series("h", Y), most=most)

    assert 0 < found.target.size <= max(most, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_made_in_pieces_are_those_made_at_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = series("h", np.where(np.arange(Y.size) % 19 == 7, np.nan, Y))
    at_once = drawn(kind, own)

    monkeypatch.setattr(training_rows, "_ORIGINS_AT_ONCE", 5)
    in_pieces = drawn(kind, own)

    assert np.unique(origins(at_once)).size > 10
    np.testing.assert_array_equal(in_pieces.x, at_once.x)
    np.testing.assert_array_equal(in_pieces.target, at_once.target)
    np.testing.assert_array_equal(in_pieces.times, at_once.times)


def test_a_long_history_with_gaps_takes_no_copy_for_each_origin() -> None:
    y = readings("h", 20_000, 4)
    own = series("h", np.where(np.arange(y.size) % 19 == 7, np.nan, y))

    tracemalloc.start()
    found = drawn("stacked", own, most=4_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert np.unique(origins(found)).size > 800
    assert peak < 400 * y.nbytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_history_that_is_too_short_has_no_rows(kind: str) -> None:
    least = 336 if kind == "stacked" else 72

    assert KINDS[kind](series("h", Y[: least + 23]), 48, most=100, seed=1) is None
    assert KINDS[kind](series("h", Y[: least + 24]), 48, most=100, seed=1) is not None
    assert KINDS[kind](series("h", Y[:1]), 48, most=100, seed=1) is None


@pytest.mark.parametrize("kind", KINDS)
def test_steps_without_a_reading_are_no_targets_and_those_of_a_constant_neither(kind: str) -> None:
    gaps = Y.copy()
    gaps[700:760] = np.nan
    found = drawn(kind, series("h", gaps))
    missing = stamps("h", 840)[700:760]

    assert not np.isin(found.times, missing).any()
    assert np.isfinite(found.target).all()
    assert drawn(kind, series("h", np.full(840, 5.0))).target.size == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_reading_far_beyond_all_others_is_no_target(kind: str) -> None:
    wild = Y.copy()
    wild[800:] *= 1e12

    assert np.abs(drawn(kind, series("h", wild)).target).max() < 1_000


def test_rows_with_origins_between_two_dates_are_those_that_the_first_date_did_not_train() -> None:
    found = drawn("plain", series("h", Y), most=2_000)
    times = stamps("h", 840)
    first, end = int(times[599]), int(times[719])
    chosen = found.with_origins(first, end, HOUR)

    assert chosen.target.size
    at = origins(chosen)
    assert at.min() >= 600  # the last step before the origin is that of the date, or later
    assert at.max() < 720
    assert not np.isin(chosen.times, found.until(first).times).any()


def test_rows_of_several_customers_keep_their_order() -> None:
    one, two = drawn("plain", series("h", Y)), drawn("plain", series("h", Y[:500]))
    found = TrainingRows.together([one, None, two], len(PLAIN_FEATURES))

    np.testing.assert_array_equal(found.target, np.concatenate((one.target, two.target)))
    assert TrainingRows.together([None], 3).x.shape == (0, 3)
