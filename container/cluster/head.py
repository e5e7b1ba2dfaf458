"""The head of a cluster: starts Ray, waits for the other hosts, runs the job, and says that it is over."""

import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, Final

from container.cluster.address import address_of, answers, free_port
from container.cluster.cluster import Cluster, Node, Work
from container.cluster.errors import ClusterError, StoppedError
from container.cluster.farewell import Farewell, write_here
from container.cluster.guard import guarded
from container.cluster.ray_process import RayProcess
from container.cluster.settings import (
    CONNECT_SECONDS,
    FIXED_PORTS,
    HEAD_PORT,
    JOIN_SECONDS,
    LAST_PORT,
    RELEASE_SECONDS,
    Ports,
)
from container.cluster.waiting import Waiting
from container.host import Host
from container.own_packages import ROOT
from container.quoting import quoted
from container.stop import StopRequest

logger = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
"""How long Ray has to start on the head."""


def run_head(
    host: Host, work: Work, *, stop: StopRequest, folder: Path, failed: Callable[[str], None]
) -> int:
    """Make the cluster, run the job on it and return the job's exit code; see `run_on_cluster`."""
    waiting = Waiting(JOIN_SECONDS.read(os.environ), stop)
    if host.hosts > 1:
        address, ports = address_of(host.name, waiting), FIXED_PORTS
    else:  # others may run Ray on this machine too
        address, ports = "127.0.0.1", Ports(free_port(), ())
    options = ["--head", f"--port={ports.head}", "--include-dashboard=false", *ports.options]
    ray_process = RayProcess(options, folder, name=host.name, address=address)

    def give_up(reason: str) -> None:
        failed(reason)
        ray_process.end(0)
        shutil.rmtree(folder, ignore_errors=True)

    try:
        with (
            _connected(ray_process, address, ports.head, Waiting(START_SECONDS, stop)),
            guarded(ray_process, stop, give_up),
        ):
            return _work_with_all(host, work, ray_process, waiting)
    finally:
        ray_process.end()


def _work_with_all(host: Host, work: Work, ray_process: RayProcess, waiting: Waiting) -> int:
    """Wait for all hosts, do the work, and let the others go, however it ends."""
    try:
        cluster = _cluster_of(host, ray_process, waiting)
    except ClusterError as error:
        _say(Farewell(1, str(error)))
        raise
    except StoppedError:
        _say(Farewell(waiting.stop.exit_code))
        raise
    code = 1
    try:
        code = work(cluster)
    finally:
        _say(Farewell(code))
    return code


@contextmanager
def _connected(ray_process: RayProcess, address: str, port: int, waiting: Waiting) -> Iterator[None]:
    """Be connected to Ray on this host.  Raises ClusterError where it does not start."""
    import ray  # noqa: PLC0415 -- an extra

    ray._raylet.Config.initialize("")  # noqa: SLF001 -- as Ray's own code reads RAY_AUTH_MODE again
    while not answers(address, port, seconds=CONNECT_SECONDS):  # `ray.init` would wait for long
        if ray_process.exit_code() is not None or not waiting.goes_on():
            raise ClusterError(f"Ray did not start on this host: {ray_process.last_lines()}")
    while True:
        try:
            with _signals_later(waiting.stop), chdir(ROOT):  # Ray's processes import from where this one is
                ray.init(
                    f"{address}:{port}",
                    _node_ip_address=address,
                    configure_logging=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            break
        except Exception as error:
            if ray_process.exit_code() is None and waiting.goes_on():
                continue
            raise ClusterError(f"Ray did not start on this host: {ray_process.last_lines()}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _signals_later(stop: StopRequest) -> Iterator[None]:
    """Let signals wait until `stop` notes them again: Ray puts a handler of its own in place of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        stop.listen()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cluster_of(host: Host, ray_process: RayProcess, waiting: Waiting) -> Cluster:
    """Wait for all hosts.  Raises ClusterError, with the names of those that are missing at the end."""
    while True:
        nodes = {node.host: node for node in _nodes() if node.host in host.names}
        missing = [name for name in host.names if name not in nodes]
        if not missing:
            cluster = Cluster(tuple(nodes[name] for name in host.names))
            text = ", ".join(f"{node.host} ({node.cpus} CPUs)" for node in cluster.nodes)
            logger.info("%d hosts in one Ray cluster: %s", host.hosts, text)
            return cluster
        if ray_process.exit_code() is not None:
            raise ClusterError(f"Ray ended on the head {quoted(host.name)}: {ray_process.last_lines()}")
        if not waiting.goes_on():
            raise ClusterError(
                f"{len(nodes)} of {host.hosts} hosts have joined the Ray cluster after {JOIN_SECONDS.name} = "
                f"{waiting.seconds:g} seconds; missing: {', '.join(map(quoted, missing))}. Their logs say "
                f"why; TCP ports {HEAD_PORT} to {LAST_PORT} must be open between all hosts"
            )


def _nodes() -> list[Node]:
    """Return the hosts that Ray counts as alive."""
    import ray  # noqa: PLC0415 -- an extra

    entries: list[Mapping[str, Any]] = ray.nodes()
    return [
        Node(
            host=entry["NodeName"],
            address=entry["NodeManagerAddress"],
            node_id=entry["NodeID"],
            cpus=int(entry["Resources"].get("CPU", 0)),
        )
        for entry in entries
        if entry["Alive"]
    ]


def _say(farewell: Farewell) -> None:
    """Tell it to all other hosts that are there; those that do not hear it count this host as lost."""
    import ray  # noqa: PLC0415 -- an extra

    try:
        unheard = _tell_others(farewell)
    except ray.exceptions.RayError as error:
        logger.warning("the other hosts do not know that the job is over: %s", error)
        return
    if unheard:
        names = ", ".join(map(quoted, unheard))
        logger.warning("these hosts do not answer, and do not know that the job is over: %s", names)


def _tell_others(farewell: Farewell) -> list[str]:
    """Return the names of the hosts that did not hear it in time."""
    import ray  # noqa: PLC0415 -- an extra
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 -- an extra

    own = ray.get_runtime_context().get_node_id()
    task = ray.remote(num_cpus=0, max_retries=0)(write_here)
    calls = {}
    for node in _nodes():
        if node.node_id != own:
            there = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
            calls[task.options(scheduling_strategy=there).remote(farewell)] = node.host
    done, late = ray.wait(list(calls), num_returns=len(calls), timeout=RELEASE_SECONDS) if calls else ([], [])
    return [calls[call] for call in late] + [calls[call] for call in done if not _succeeded(call)]


def _succeeded(call: Any) -> bool:  # noqa: ANN401 -- Ray's reference to a result
    import ray  # noqa: PLC0415 -- an extra

    try:
        ray.get(call)
    except ray.exceptions.RayError:
        return False
    return True
