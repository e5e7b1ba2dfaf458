"""What runs a task on the customers of a job, many at a time: on this machine, or on a Ray cluster's hosts.

Only what runs on a cluster imports Ray, which is an extra.
"""

from train.engines.choice import VARIABLES, EngineChoice, choose, settings_table
from train.engines.engine import CustomerResult, Engine, Task
from train.engines.local import LocalEngine
from train.engines.pool import WorkerStartError
from train.engines.ray_cluster import (
    HostError,
    RayHost,
    cluster_hosts,
    connected,
    customers_of_hosts,
    dead_hosts,
)
from train.engines.ray_engine import RayEngine
from train.engines.together import LostError, actor_on, all_answers, call_on, kill_actors, tell_all

__all__ = [
    "VARIABLES",
    "CustomerResult",
    "Engine",
    "EngineChoice",
    "HostError",
    "LocalEngine",
    "LostError",
    "RayEngine",
    "RayHost",
    "Task",
    "WorkerStartError",
    "actor_on",
    "all_answers",
    "call_on",
    "choose",
    "cluster_hosts",
    "connected",
    "customers_of_hosts",
    "dead_hosts",
    "kill_actors",
    "settings_table",
    "tell_all",
]
