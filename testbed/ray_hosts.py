"""A Ray cluster on this machine with several logical hosts, for tests, benchmarks and the demo."""

import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

STORE_BYTES: Final = 80 * 1024 * 1024
"""Ray's shared memory per host; it accepts no less than 75 MB."""

QUICK_HEALTH_CHECKS: Final = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2_000,
    "health_check_failure_threshold": 3,
}
"""Ray finds a dead host after two seconds; its own settings take fifteen."""


class RayHosts:
    """The hosts, each with as many processors as it is told; the head has none and takes no customers."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster  # noqa: PLC0415 -- a second that other tests do not pay

        self._options: dict[str, Any] = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
        head = {"num_cpus": 0, "_system_config": QUICK_HEALTH_CHECKS}
        self._cluster = Cluster(initialize_head=True, head_node_args=head | self._options)

    @property
    def address(self) -> str:
        """What `RAY_ADDRESS` has to be."""
        return str(self._cluster.address)

    def add(self, *, cpus: int = 1, **env: str) -> Any:
        """Start a host, with further environment variables; return Ray's node."""
        return self._cluster.add_node(num_cpus=cpus, env_vars=env, **self._options)

    def require(self, count: int) -> None:
        """Start or end hosts until `count` live."""
        for place, node in enumerate(list(self._cluster.worker_nodes)):
            if place >= count or _raylet(node).poll() is not None:
                self._cluster.remove_node(node, allow_graceful=False)
        while len(self._cluster.worker_nodes) < count:
            self.add()
        while sum(node["Alive"] for node in self._cluster.global_state.node_table()) > count + 1:
            time.sleep(0.1)  # until Ray has noticed that the others are dead

    def remove(self, node: Any) -> None:
        """End a host."""
        self._cluster.remove_node(node, allow_graceful=False)

    def nodes(self) -> dict[int, Any]:
        """Return Ray's nodes of all hosts but the head, by the process id of their raylets."""
        return {_raylet(node).pid: node for node in self._cluster.worker_nodes}

    def reap(self) -> bool:
        """Collect the exit codes of raylets that have died, as the first process of a machine does.

        Returns False, so that it can be asked whether a job shall stop.
        """
        for node in self._cluster.worker_nodes:
            _raylet(node).poll()
        return False

    def end(self) -> None:
        """End all hosts."""
        self._cluster.shutdown()


def kill_host(node: Any) -> None:
    """Kill a host's raylet, with which Ray's other processes there end."""
    process = _raylet(node)
    process.kill()
    process.wait()


def _raylet(node: Any) -> Any:
    """Return the `Popen` of a host's raylet."""
    return node.all_processes["raylet"][0].process


@contextmanager
def ray_hosts(count: int) -> Generator[RayHosts, None, None]:
    """Run a head and `count` hosts with a processor each, as children of this process."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        before = dict(os.environ)
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": folder}
        try:
            hosts = RayHosts()
            try:
                hosts.require(count)
                yield hosts
            finally:
                hosts.end()
        finally:
            os.environ.clear()
            os.environ.update(before)
