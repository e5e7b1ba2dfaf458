"""What runs a task on the customers of a job, many at a time: on this machine, in worker processes."""

from train.engines.engine import CustomerResult, Engine, Task
from train.engines.local import LocalEngine
from train.engines.pool import WorkerStartError

__all__ = ["CustomerResult", "Engine", "LocalEngine", "Task", "WorkerStartError"]
