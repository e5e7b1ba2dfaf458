"""Trees that XGBoost fits."""

import numpy as np
import pytest

from fleetcast.global_model import TrainingRows
from train.global_training.fit_trees import TreesStoppedError, fit_trees
from train.tree_settings import TreeSettings


def rows(size: int = 2_000) -> TrainingRows:
    random = np.random.default_rng(1)
    x = random.normal(size=(size, 5)).astype(np.float32)
    x[random.random(x.shape) < 0.1] = np.nan
    target = np.nan_to_num(x[:, 0]) + 0.1 * random.normal(size=size)
    return TrainingRows(x, target.astype(np.float32), np.arange(size))


def test_trees_learn_the_target_and_are_the_same_each_time() -> None:
    own = rows()
    trees, again = (fit_trees(own, TreeSettings(), lambda: False) for _ in range(2))

    assert trees.roots.size == 240
    assert np.abs(trees.predict(own.x) - own.target).mean() < 0.5 * np.abs(own.target).mean()
    np.testing.assert_array_equal(trees.threshold, again.threshold)
    np.testing.assert_array_equal(trees.column, again.column)


def test_trees_are_as_many_and_as_deep_as_the_settings_say() -> None:
    own = rows()
    trees = fit_trees(own, TreeSettings(eta=1.0, rounds=5, max_depth=2), lambda: False)
    slower = fit_trees(own, TreeSettings(eta=0.01, rounds=5, max_depth=2), lambda: False)

    assert (trees.roots.size, trees.depth) == (5, 2)
    assert np.abs(slower.predict(own.x)).mean() < 0.1 * np.abs(trees.predict(own.x)).mean()


def test_a_fit_ends_with_the_round_in_which_the_job_is_to_stop() -> None:
    asked = []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) >= 3

    with pytest.raises(TreesStoppedError):
        fit_trees(rows(), TreeSettings(), stopped)

    assert len(asked) == 4  # once after each of three rounds, and once at the end
