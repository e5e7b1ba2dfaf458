"""Only the JSON of a booster that is a sum of regression trees over numbers becomes trees."""

import json
from typing import Any

import numpy as np
import pytest
import xgboost

from fleetcast.errors import ModelFormatError
from fleetcast.global_model import trees_of
from tests.unit.fleetcast.global_model.boosters import trained


def saved(**parameters: Any) -> bytearray:
    x = np.random.default_rng(0).normal(size=(100, 4))
    y = (x[:, 0] > 0).astype(float) + (x[:, 1] > 0)
    if "multi_strategy" in parameters:
        y = np.column_stack([y, y])
    return xgboost.train(parameters, xgboost.DMatrix(x, y), 2).save_raw("json")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"booster": "dart"}, "must be gbtree, not dart"),
        ({"booster": "gblinear"}, "must be gbtree, not gblinear"),
        ({"objective": "count:poisson"}, "reg:absoluteerror or reg:squarederror, not count:poisson"),
        ({"objective": "multi:softprob", "num_class": 3}, "not multi:softprob"),
        ({"multi_strategy": "multi_output_tree"}, "one target"),
    ],
)
def test_a_booster_that_is_no_sum_of_trees_for_one_target_is_refused(
    parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ModelFormatError, match=reason):
        trees_of(saved(**parameters))


def test_splits_by_category_are_refused() -> None:
    x = np.random.default_rng(0).integers(0, 5, size=(200, 1))
    y = (x[:, 0] % 2).astype(float)
    matrix = xgboost.DMatrix(x, y, feature_types=["c"], enable_categorical=True)
    booster = xgboost.train({"max_cat_to_onehot": 1}, matrix, 2)

    with pytest.raises(ModelFormatError, match="by category"):
        trees_of(booster.save_raw("json"))


def test_all_trees_count_also_after_early_stopping() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    data = xgboost.DMatrix(x, np.random.default_rng(1).normal(size=200))
    booster = xgboost.train(
        {"objective": "reg:squarederror"}, data, 30, evals=[(xgboost.DMatrix(x, -x[:, 0]), "other")],
        early_stopping_rounds=2, verbose_eval=False,
    )  # fmt: skip

    assert booster.best_iteration < booster.num_boosted_rounds() - 1
    np.testing.assert_array_equal(
        trees_of(booster.save_raw("json")).predict(x.astype(np.float32)), booster.predict(data)
    )


@pytest.mark.parametrize("base_score", ["5E-1", "[5E-1]"])
def test_the_base_score_is_read_with_brackets_and_without(base_score: str) -> None:
    content = json.loads(trained(rounds=1).save_raw("json"))
    content["learner"]["learner_model_param"]["base_score"] = base_score

    assert trees_of(json.dumps(content).encode()).base_score == 0.5


def test_a_child_of_two_parents_or_beyond_the_tree_is_refused() -> None:
    for child in (0, 1, 10_000):
        content = json.loads(trained(rounds=1).save_raw("json"))
        content["learner"]["gradient_booster"]["model"]["trees"][0]["left_children"][1] = child

        with pytest.raises(ModelFormatError):
            trees_of(json.dumps(content).encode())


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"learner": 1}', b"{" * 10_000])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelFormatError):
        trees_of(content)


def test_a_booster_without_trees_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="at least one tree"):
        trees_of(trained(rounds=0).save_raw("json"))
