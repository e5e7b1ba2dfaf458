"""Makes one Ray cluster of the hosts of a SageMaker job."""

from container.cluster.cluster import Cluster, Node, Work

__all__ = ["Cluster", "Node", "Work"]
