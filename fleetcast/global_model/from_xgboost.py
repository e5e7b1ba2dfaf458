"""Reads the trees of an XGBoost model from the JSON that its `save_raw("json")` returns, without XGBoost."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import ModelFormatError
from fleetcast.global_model.trees import Trees

OBJECTIVES: Final = ("reg:absoluteerror", "reg:squarederror")
"""Those whose prediction is the sum of the leaves, without a link function."""


class _TreeJson(msgspec.Struct, gc=False):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    """Thresholds of splits, and values of leaves."""
    default_left: list[int]
    split_type: list[int]
    """1 for a split by category."""


class _TreesJson(msgspec.Struct, gc=False):
    trees: list[_TreeJson]


class _BoosterJson(msgspec.Struct, gc=False):
    name: str
    model: _TreesJson


class _BoosterNameJson(msgspec.Struct, gc=False):
    name: str


class _ObjectiveJson(msgspec.Struct, gc=False):
    name: str


class _ParametersJson(msgspec.Struct, gc=False):
    """XGBoost writes numbers as texts here."""

    base_score: str
    """A number, since XGBoost 3.1 in brackets: one for each target."""
    num_feature: str
    num_target: str = "1"
    num_class: str = "0"


class _LearnerJson(msgspec.Struct, gc=False):
    learner_model_param: _ParametersJson
    objective: _ObjectiveJson
    gradient_booster: msgspec.Raw


class _ModelJson(msgspec.Struct, gc=False):
    learner: _LearnerJson


def trees_of(model_json: bytes | bytearray) -> Trees:
    """Return all trees of a booster, from what its `save_raw("json")` returns.

    Raises ModelFormatError for what is no such text, and for models that are no sum of regression trees over
    numbers: other boosters than gbtree, other objectives than OBJECTIVES, several targets, categories.
    """
    try:
        return _trees(model_json)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, LookupError, ValueError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"this is not the JSON of an XGBoost model: {error}") from error


def _trees(model_json: bytes | bytearray) -> Trees:
    learner = msgspec.json.decode(model_json, type=_ModelJson).learner
    parameters = learner.learner_model_param
    booster = msgspec.json.decode(learner.gradient_booster, type=_BoosterNameJson).name
    if booster != "gbtree":
        raise ModelFormatError(f"the booster must be gbtree, not {booster}")
    if learner.objective.name not in OBJECTIVES:
        accepted = " or ".join(OBJECTIVES)
        raise ModelFormatError(f"the objective must be {accepted}, not {learner.objective.name}")
    if int(parameters.num_target) > 1 or int(parameters.num_class) > 1:
        raise ModelFormatError("the model must have one target")
    features = int(parameters.num_feature)
    trees = msgspec.json.decode(learner.gradient_booster, type=_BoosterJson).model.trees
    nodes = [_level_order(tree, leaf=2 * features) for tree in trees]
    if not nodes:
        raise ModelFormatError("the model must have at least one tree")
    return Trees.from_level_order(
        features=features,
        base_score=float(parameters.base_score.strip("[]")),
        column=np.concatenate([columns for columns, _ in nodes]),
        threshold=np.concatenate([thresholds for _, thresholds in nodes]),
    )


def _level_order(tree: _TreeJson, *, leaf: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the columns and thresholds of a tree's nodes in level order; pruned nodes are left out."""
    if any(tree.split_type):
        raise ModelFormatError("the model must have no splits by category")
    order, left = [0], tree.left_children
    for node in order:  # it grows on the way
        if left[node] >= 0:
            order += left[node], tree.right_children[node]
        if len(order) > len(left):
            raise ModelFormatError("a node of the model has two parents")
    columns = [leaf if left[i] < 0 else 2 * tree.split_indices[i] + tree.default_left[i] for i in order]
    return np.array(columns, np.intp), np.array([tree.split_conditions[i] for i in order], np.float32)
