"""What a cluster of hosts is bounded by: ports, seconds, and the variable that a user may set."""

from dataclasses import dataclass
from typing import Final

from container.variables import Variable, WholeNumber

JOIN_SECONDS: Final = WholeNumber(
    name="CLUSTER_JOIN_SECONDS",
    default=300,
    maximum=3_600,
    unit="seconds",
    meaning="How long the hosts of a job wait for each other to make a Ray cluster; then each of them fails, "
    "and the error names those that are missing.",
)
CLUSTER: Final[tuple[Variable, ...]] = (JOIN_SECONDS,)
"""What a program on several hosts reads besides `container.COMMON`."""

HEAD_PORT: Final = 6379
"""Where Ray listens on the head; the other hosts connect to it."""
NODE_PORTS: Final = {
    "--node-manager-port": 6380,
    "--object-manager-port": 6381,
    "--runtime-env-agent-port": 6382,
    "--dashboard-agent-grpc-port": 6383,
    "--dashboard-agent-listen-port": 6384,
    "--metrics-export-port": 6385,
    "--min-worker-port": 6400,
    "--max-worker-port": 7399,
}
"""Options of `ray start`: where Ray and its processes listen on each host."""
TRACKER_PORTS: Final = range(6386, 6400)
"""Where XGBoost's tracker may listen on the first host, while hosts fit trees together."""
LAST_PORT: Final = max(NODE_PORTS.values())

POLL_SECONDS: Final = 0.2
WATCH_SECONDS: Final = 1.0
"""How often a host looks whether the head is there: each time it connects to it."""
HEAD_LOST_SECONDS: Final = 8.0
"""A host that could not connect to the head for so long counts the head as lost."""
CONNECT_SECONDS: Final = 2.0
"""The longest time for one attempt to connect to the head."""
RELEASE_SECONDS: Final = 20.0
"""How long the head tries to tell the other hosts that the job is over."""
END_SECONDS: Final = 5.0
"""How long Ray's processes have to end after SIGTERM; then they are killed."""
STOP_SECONDS: Final = 90.0
"""A host that was asked to stop leaves after so long, whatever the head does; SageMaker kills after 120."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where Ray listens: the port of the head, and options of `ray start` for the others."""

    head: int
    options: tuple[str, ...]


FIXED_PORTS: Final = Ports(HEAD_PORT, tuple(f"{option}={port}" for option, port in NODE_PORTS.items()))
"""Of several hosts, so that a firewall between them can name them."""
