"""Intervals of the global model from errors in units of a customer's scale."""

from typing import Any

import msgspec
import numpy as np
import pytest

from fleetcast.global_model import RelativeErrors

RANDOM = np.random.default_rng(1)
AHEAD = RANDOM.integers(1, 49, 20_000)
READINGS = RANDOM.choice([3.0, 7.0, 14.0, 28.0], AHEAD.size)


def errors(**fields: Any) -> RelativeErrors:
    size = np.sqrt(AHEAD) * np.where(READINGS == 3, 2.0, 1.0)
    table = RelativeErrors.of(size * RANDOM.normal(size=AHEAD.size), AHEAD, READINGS, horizon=48, cycle=24)
    assert table is not None
    return msgspec.structs.replace(table, **fields)


@pytest.mark.parametrize("probability", [0.1, 0.25, 0.75, 0.95])
def test_bounds_are_the_quantiles_of_the_errors_by_steps_and_length(probability: float) -> None:
    normal = {0.1: -1.2816, 0.25: -0.6745, 0.75: 0.6745, 0.95: 1.6449}[probability]
    for readings, factor in ((3.0, 2.0), (14.0, 1.0), (40.0, 1.0)):
        found = errors().times(10.0, readings).offsets(np.array([2.0, 40.0]), probability)
        near, far = 10 * factor * normal * np.array([np.sqrt([1, 2, 3]).mean(), np.sqrt(36)])

        assert found[0] == pytest.approx(near, rel=0.12)
        assert found[1] == pytest.approx(far, rel=0.12)


def test_groups_of_steps_grow_with_their_distance() -> None:
    assert errors().steps == (3.0, 6.0, 12.0, 24.0, 48.0)


def test_a_small_group_joins_the_next_one() -> None:
    ahead = np.where(AHEAD < 20, AHEAD + 20, AHEAD)

    table = RelativeErrors.of(RANDOM.normal(size=ahead.size), ahead, READINGS, horizon=48, cycle=24)

    assert table is not None
    assert table.steps == (24.0, 48.0)


def test_the_median_is_the_forecast_even_where_all_errors_are_on_one_side() -> None:
    table = RelativeErrors.of(1 + RANDOM.random(AHEAD.size), AHEAD, READINGS, horizon=48, cycle=24)

    assert table is not None
    assert set(table.lower) == {0.0}
    assert table.times(1.0, 7.0).offsets(np.array([1.0]), 0.5).tolist() == [0.0]


def test_few_errors_say_nothing() -> None:
    assert RelativeErrors.of(np.ones(199), AHEAD[:199], READINGS[:199], horizon=48, cycle=24) is None


def test_errors_of_zero_are_intervals_of_no_width() -> None:
    table = RelativeErrors.of(np.zeros(500), AHEAD[:500], READINGS[:500], horizon=48, cycle=24)

    assert table is not None
    assert table.times(5.0, 7.0).offsets(np.array([1.0, 99.0]), 0.9).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "fields",
    [
        {"scales": (1.0,)},
        {"scales": (5.0, 4.0, 3.0, 2.0, 1.0)},
        {"scales": (1.0, 1.0, 1.0, 1.0, np.inf)},
        {"scales": (1.0, 1.0, np.nan, 1.0, 1.0)},
        {"scales": (-1.0, 1.0, 1.0, 1.0, 1.0)},
        {"coverages": tuple(np.linspace(0, 2, 14).tolist())},
        {"lower": tuple(np.linspace(-1, 0, 14).tolist())},
        {"upper": tuple(np.linspace(-1, 0, 14).tolist())},
        {"lengths": (3.0, 3.0, 7.0)},
        {"factors": (1.0, -1.0, 1.0)},
        {"factors": (1.0, np.nan, 1.0)},
        {"factors": (1.0, np.inf, 1.0)},
        {"factors": (1.0,)},
        {"lengths": (3.0, np.nan, 7.0)},
    ],
)
def test_a_stored_table_that_is_no_intervals_is_refused(fields: dict[str, Any]) -> None:
    content = msgspec.to_builtins(errors()) | fields

    with pytest.raises(msgspec.ValidationError, match="relative errors"):
        msgspec.msgpack.decode(msgspec.msgpack.encode(content), type=RelativeErrors)


def test_a_stored_table_comes_back_as_it_was() -> None:
    table = errors()

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=RelativeErrors) == table
