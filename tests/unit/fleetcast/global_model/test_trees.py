"""Trees in NumPy arrays predict what XGBoost predicts, and accept only what they can evaluate in bounds."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.errors import ModelFormatError
from fleetcast.global_model import Trees, trees_of
from tests.unit.fleetcast.global_model.boosters import FEATURES, predicted, random_rows, trained, trees

LEAF = 2 * FEATURES
MEGABYTE = 1024 * 1024


def level_order(column: list[int], threshold: list[float] | None = None) -> Trees:
    threshold = [0.5] * len(column) if threshold is None else threshold
    return Trees.from_level_order(features=FEATURES, base_score=1, column=column, threshold=threshold)


@pytest.mark.parametrize("depth", range(1, 11))
def test_predictions_are_those_of_xgboost_at_every_depth(depth: int) -> None:
    booster = trained(max_depth=depth, seed=depth, min_child_weight=0)
    x = random_rows(400, seed=100 + depth)
    found = trees_of(booster.save_raw("json"))

    np.testing.assert_array_equal(found.predict(x), predicted(booster, x))
    assert found.depth == depth


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "reg:squarederror"},
        {"base_score": 2.5},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"gamma": 50.0, "max_depth": 8},  # prunes, so that nodes are deleted
        {"grow_policy": "lossguide", "max_leaves": 12, "max_depth": 0},
        {"tree_method": "exact"},
    ],
)
def test_predictions_are_those_of_xgboost_with_other_parameters(parameters: dict[str, Any]) -> None:
    booster = trained(**parameters)
    x = random_rows(400, seed=5)

    np.testing.assert_array_equal(trees_of(booster.save_raw("json")).predict(x), predicted(booster, x))


def test_a_tree_of_one_leaf_predicts_the_same_for_all_rows() -> None:
    booster = trained(rounds=3, gamma=1e9)
    x = random_rows(10, seed=1)
    found = trees_of(booster.save_raw("json"))

    assert found.depth == 0
    assert len(found.roots) == 3
    np.testing.assert_array_equal(found.predict(x), predicted(booster, x))


def test_values_equal_to_a_threshold_infinities_and_missing_values_go_where_xgboost_sends_them() -> None:
    booster = trained(max_depth=5)
    found = trees_of(booster.save_raw("json"))
    thresholds = found.threshold[found.column < LEAF]
    extremes = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3.4e38, 1e-45], np.float32)
    above, below = np.nextafter(thresholds, np.float32(np.inf)), np.nextafter(thresholds, np.float32(-np.inf))
    around = np.concatenate([thresholds, above, below, extremes])
    x = np.random.default_rng(0).choice(around, size=(2_000, FEATURES))

    assert np.isin(x, thresholds).sum() > 1_000
    np.testing.assert_array_equal(found.predict(x), predicted(booster, x))


def test_missing_values_go_where_the_default_of_a_split_sends_them() -> None:
    goes_right = level_order([2 * 3, LEAF, LEAF], [0.0, -10, 10])
    goes_left = level_order([2 * 3 + 1, LEAF, LEAF], [0.0, -10, 10])
    x = np.full((1, FEATURES), np.nan, np.float32)

    assert goes_right.predict(x) == 11
    assert goes_left.predict(x) == -9


def test_a_margin_takes_the_place_of_the_base_score() -> None:
    booster = trained(base_score=3.0)
    x = random_rows(50, seed=2)
    margin = np.linspace(-5, 5, 50)
    found = trees_of(booster.save_raw("json"))

    np.testing.assert_array_equal(found.predict(x, margin), predicted(booster, x, margin))
    np.testing.assert_array_equal(found.predict(x, 3.0), found.predict(x))


def test_a_row_has_the_same_prediction_in_every_batch() -> None:
    found = trees(rounds=300, max_depth=4)
    x = random_rows(1_000, seed=3)
    together = found.predict(x)

    for row in (0, 217, 218, 999):
        assert found.predict(x[row : row + 1]) == together[row]
    np.testing.assert_array_equal(found.predict(x[100:400]), together[100:400])


def test_rows_may_be_none_or_lie_apart_in_memory() -> None:
    found = trees()
    x = random_rows(60, seed=4)

    assert found.predict(x[:0]).shape == (0,)
    np.testing.assert_array_equal(found.predict(np.asfortranarray(x)[::2]), found.predict(x[::2].copy()))


def test_many_rows_are_evaluated_in_little_memory() -> None:
    found = trees(rounds=100, max_depth=3)
    x = random_rows(100_000, seed=6)
    tracemalloc.start()
    found.predict(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * MEGABYTE  # all at once it would be 80 MB for each array of node indices


def test_rows_with_another_number_of_features_are_refused() -> None:
    with pytest.raises(ValueError, match="6 columns"):
        trees(rounds=1).predict(np.zeros((3, FEATURES + 1), np.float32))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([], "1 to 1,000,000 nodes"),
        ([LEAF] * 1_000_001, "1 to 1,000,000 nodes"),
        ([LEAF] * 10_001, "more than 10,000 trees"),
        ([0], "cut short"),
        ([0, LEAF], "cut short"),
        ([LEAF, 0, 0, LEAF, LEAF], "cut short"),
        ([-1], "none of the 6 features"),
        ([LEAF + 1], "none of the 6 features"),
        ([0, LEAF] * 33 + [LEAF], "deeper than 32"),
    ],
)
def test_nodes_that_are_no_trees_are_refused(column: list[int], reason: str) -> None:
    with pytest.raises(ModelFormatError, match=reason):
        level_order(column)


def test_a_tree_of_32_splits_one_below_the_other_is_accepted() -> None:
    assert level_order([0, LEAF] * 32 + [LEAF]).depth == 32


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_not_finite_in_float32_are_refused(value: float) -> None:
    with np.errstate(over="ignore"), pytest.raises(ModelFormatError, match="must be finite"):
        level_order([LEAF], [value])
    with np.errstate(over="ignore"), pytest.raises(ModelFormatError, match="must be finite"):
        Trees.from_level_order(features=1, base_score=value, column=[2], threshold=[0])


@pytest.mark.parametrize("features", [0, 1_001])
def test_trees_over_no_or_too_many_features_are_refused(features: int) -> None:
    with pytest.raises(ModelFormatError, match="1 to 1,000 features"):
        Trees.from_level_order(features=features, base_score=0, column=[2 * features], threshold=[0])


@given(st.lists(st.integers(0, LEAF) | st.just(LEAF), min_size=1, max_size=200))
def test_children_of_any_accepted_nodes_come_after_their_parents_within_their_tree(column: list[int]) -> None:
    try:
        found = level_order(column, [0.0] * len(column))
    except ModelFormatError:
        return
    is_split = found.column < LEAF
    own = np.arange(len(column))
    tree = np.searchsorted(found.roots, own, side="right")

    assert (found.left[is_split] > own[is_split]).all()
    assert (found.left[~is_split] == own[~is_split]).all()
    assert (tree[found.left] == tree).all()
    assert (tree[found.left[is_split] + 1] == tree[is_split]).all()
    children = np.concatenate([found.roots, found.left[is_split], found.left[is_split] + 1])
    assert sorted(children) == own.tolist()
