"""Fits gradient-boosted trees to rows with XGBoost.

Chen and Guestrin (2016), "XGBoost: a scalable tree boosting system", KDD 2016.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetcast.global_model import TrainingRows, Trees, trees_of
from train.tree_settings import TreeSettings

_PARAMETERS: Final[Mapping[str, Any]] = {
    "objective": "reg:absoluteerror",
    "base_score": 0.0,
    "tree_method": "hist",
    "max_bin": 64,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "min_child_weight": 60,
    "reg_lambda": 30,
    "seed": 1,
    "verbosity": 1,
}


class TreesStoppedError(Exception):
    """The job is to end before all trees are fitted."""


def fit_trees(rows: TrainingRows, settings: TreeSettings, stopped: Callable[[], bool]) -> Trees:
    """Return trees for the targets of the rows; raise TreesStoppedError once `stopped()`."""
    import xgboost  # noqa: PLC0415 - an extra, which only this needs

    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:  # noqa: ARG002 - XGBoost's
            return stopped()

    parameters = parameters_of(settings)
    booster = xgboost.train(parameters, data_of(rows, parameters), settings.rounds, callbacks=[Stop()])
    if stopped():
        raise TreesStoppedError
    return trees_of(bytes(booster.save_raw("json")))


def parameters_of(settings: TreeSettings, *, threads: int = 1) -> dict[str, Any]:
    """Return XGBoost's parameters."""
    return {**_PARAMETERS, "eta": settings.eta, "max_depth": settings.max_depth, "nthread": threads}


def data_of(rows: TrainingRows, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- XGBoost's
    """Return the rows as XGBoost reads them, a byte for each feature."""
    import xgboost  # noqa: PLC0415 - an extra, which only this needs

    return xgboost.QuantileDMatrix(
        rows.x, rows.target, max_bin=parameters["max_bin"], nthread=parameters["nthread"]
    )
