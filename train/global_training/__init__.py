"""Trains models of all customers of a job, from rows that its workers draw from each customer's readings."""

from train.global_training.archive import GlobalTraining
from train.global_training.training import with_global_models

__all__ = ["GlobalTraining", "with_global_models"]
