"""Trains models of all customers of a job, from rows that its workers draw from each customer's readings."""

from train.global_training.training import with_global_models

__all__ = ["with_global_models"]
