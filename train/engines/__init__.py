"""What runs a task on the customers of a job, many at a time: on this machine, or on a Ray cluster's hosts.

Only what runs on a cluster imports Ray, which is an extra.
"""

from train.engines.choice import VARIABLES, EngineChoice, choose, settings_table
from train.engines.engine import CustomerResult, Engine, Task
from train.engines.local import LocalEngine
from train.engines.pool import WorkerStartError
from train.engines.ray_cluster import cluster_hosts, connected, customers_of_hosts
from train.engines.ray_engine import RayEngine

__all__ = [
    "VARIABLES",
    "CustomerResult",
    "Engine",
    "EngineChoice",
    "LocalEngine",
    "RayEngine",
    "Task",
    "WorkerStartError",
    "choose",
    "cluster_hosts",
    "connected",
    "customers_of_hosts",
    "settings_table",
]
