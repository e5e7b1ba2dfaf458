"""What fits the customers of a job, many at a time: on this machine, worker processes."""

from train.engines.engine import Engine
from train.engines.local import LocalEngine, WorkerStartError

__all__ = ["Engine", "LocalEngine", "WorkerStartError"]
