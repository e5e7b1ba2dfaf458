"""Trains models of all customers of a job, from rows that its workers draw from each customer's readings."""

from train.global_training.draw_rows import DrawnRows
from train.global_training.drawing import LEAST_ROWS, TooFewError, drawn_rows
from train.global_training.fit_trees import TreesStoppedError
from train.global_training.fit_trees import fit_trees as train_trees
from train.global_training.training import (
    best_share,
    can_train,
    do_without,
    trained_models,
    with_global_models,
)

__all__ = [
    "LEAST_ROWS",
    "DrawnRows",
    "TooFewError",
    "TreesStoppedError",
    "best_share",
    "can_train",
    "do_without",
    "drawn_rows",
    "train_trees",
    "trained_models",
    "with_global_models",
]
