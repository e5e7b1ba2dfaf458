"""Makes one Ray cluster of the hosts of a SageMaker job."""

from container.cluster.cluster import Cluster, Node, Work
from container.cluster.errors import ClusterError
from container.cluster.farewell import folder_of_run
from container.cluster.host_log import log_on_this_host
from container.cluster.outcomes import outcome_table
from container.cluster.run import run_on_cluster
from container.cluster.settings import CLUSTER, TRACKER_PORTS

__all__ = [
    "CLUSTER",
    "TRACKER_PORTS",
    "Cluster",
    "ClusterError",
    "Node",
    "Work",
    "folder_of_run",
    "log_on_this_host",
    "outcome_table",
    "run_on_cluster",
]
