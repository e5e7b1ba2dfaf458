"""The hosts of a job's Ray cluster, as the job sees them once all have joined."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Node:
    """A host that has joined the cluster."""

    host: str
    """Its name in `resourceconfig.json`, such as `algo-2`; also Ray's `NodeName`."""
    address: str
    """Its IPv4 address, which the other hosts reach."""
    node_id: str
    """Ray's hexadecimal id of it, for node affinity."""
    cpus: int
    """Number of processors that Ray counts there."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """All hosts of a job; this process, on the first of them, is connected to their Ray."""

    nodes: tuple[Node, ...]
    """In the order of `container.Host.names`; the first is the head, where the job's own code runs."""

    @property
    def head(self) -> Node:
        """The host of this process."""
        return self.nodes[0]


class Work(Protocol):
    """The job's own code, which runs on the head once every host has joined."""

    def __call__(self, cluster: Cluster, /) -> int:
        """Do the job, with `ray` connected to `cluster`, and return the exit code of the head."""
