"""A program on the hosts of `host_network`: a job of thirty small tasks on a Ray cluster.

The head writes one line for each task to `output/data/tasks` below its base folder.  A task whose host is
lost is done again.  The second half of the tasks waits for a file that a test writes.
"""

import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Pinned

from container import Host, Paths, StopRequest, run
from container.cluster import Cluster, Node, log_on_this_host, run_on_cluster
from train.exit_codes import write_failure

TASKS = 30
FREE_TASKS = 15
"""Those that wait for nothing: as many on each host."""


def where(number: int, seconds: float, gate: str) -> tuple[int, str, int]:
    """Return the number, the name of the host and its processors, after so many seconds."""
    log_on_this_host()
    print(f"task {number} is here", file=sys.stderr, flush=True)
    time.sleep(seconds)
    while number >= FREE_TASKS and not Path(gate).exists():
        time.sleep(0.05)
    return number, os.uname().nodename, len(os.sched_getaffinity(0))


def main() -> int:
    """Run the program; its arguments: the seconds of a task, the job's exit code, the file to wait for."""
    seconds, code, gate = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    stop = StopRequest.on_signals()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)

        def work(cluster: Cluster) -> int:
            return spread(cluster, paths.output_data, stop, seconds, gate) or code

        return run_on_cluster(Host.from_files(paths), work, stop=stop, failed=partial(write_failure, env))

    return run(program)


def spread(cluster: Cluster, folder: Path, stop: StopRequest, seconds: float, gate: str) -> int:
    """Do the tasks, each on the next host and again on the head; return 0, or the code of a signal."""
    task = ray.remote(num_cpus=0.25, max_retries=0)(where)

    def call(number: int, node: Node) -> ray.ObjectRef:
        place = Pinned(node.node_id, soft=False)
        return task.options(scheduling_strategy=place).remote(number, seconds, gate)

    nodes = [cluster.nodes[number % len(cluster.nodes)] for number in range(TASKS)]
    calls = {call(number, node): (number, node) for number, node in enumerate(nodes)}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tasks").open("w", buffering=1) as file:
        while calls:
            if stop.is_made():
                return stop.exit_code
            done, _ = ray.wait(list(calls), timeout=0.2)
            for ref in done:
                number, _ = calls.pop(ref)
                try:
                    file.write(" ".join(map(str, ray.get(ref))) + "\n")
                except ray.exceptions.RayError:
                    calls[call(number, cluster.head)] = number, cluster.head
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            for ref in [ref for ref, (_, node) in calls.items() if node.node_id not in alive]:
                number, _ = calls.pop(ref)
                calls[call(number, cluster.head)] = number, cluster.head
    return 0


if __name__ == "__main__":
    sys.exit(main())
