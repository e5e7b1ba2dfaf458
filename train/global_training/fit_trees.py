"""Fits gradient-boosted trees to rows with XGBoost.

Chen and Guestrin (2016), "XGBoost: a scalable tree boosting system", KDD 2016.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetcast.global_model import TrainingRows, Trees, trees_of

PARAMETERS: Final[Mapping[str, Any]] = {
    "objective": "reg:absoluteerror",
    "base_score": 0.0,
    "tree_method": "hist",
    "max_bin": 64,
    "max_depth": 7,
    "eta": 0.05,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "min_child_weight": 60,
    "reg_lambda": 30,
    "nthread": 1,  # with more, sums depend on their number
    "seed": 1,
    "verbosity": 1,
}
ROUNDS: Final = 240
"""Number of trees."""


class TreesStoppedError(Exception):
    """The job is to end before all trees are fitted."""


def fit_trees(rows: TrainingRows, stopped: Callable[[], bool]) -> Trees:
    """Return trees for the targets of the rows; raise TreesStoppedError once `stopped()`."""
    import xgboost  # noqa: PLC0415 - an extra, which only this needs

    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:  # noqa: ARG002 - XGBoost's
            return stopped()

    data = xgboost.QuantileDMatrix(rows.x, rows.target, max_bin=PARAMETERS["max_bin"], nthread=1)
    booster = xgboost.train(dict(PARAMETERS), data, ROUNDS, callbacks=[Stop()])
    if stopped():
        raise TreesStoppedError
    return trees_of(bytes(booster.save_raw("json")))
