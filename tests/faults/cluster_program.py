"""A program on the hosts of `host_network`: a job of thirty small tasks on a Ray cluster.

The head writes one line for each task to `output/data/tasks` below its base folder.  A task whose host is
lost is done again.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Pinned

from container import Host, Paths, StopRequest, run
from container.cluster import Cluster, Node, log_on_this_host, run_on_cluster

TASKS = 30


def where(number: int, seconds: float) -> tuple[int, str, int]:
    """Return the number, the name of the host and its processors, after so many seconds."""
    log_on_this_host()
    print(f"task {number} is here", file=sys.stderr, flush=True)
    time.sleep(seconds)
    return number, os.uname().nodename, len(os.sched_getaffinity(0))


def main() -> int:
    """Run the program; its arguments are the seconds of a task and the job's exit code."""
    seconds, code = float(sys.argv[1]), int(sys.argv[2])
    stop = StopRequest.on_signals()

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)

        def work(cluster: Cluster) -> int:
            return spread(cluster, paths.output_data, seconds, stop) or code

        return run_on_cluster(Host.from_files(paths), work, stop=stop)

    return run(program)


def spread(cluster: Cluster, folder: Path, seconds: float, stop: StopRequest) -> int:
    """Do the tasks, each on the next host and again on the head; return 0, or the code of a signal."""
    task = ray.remote(num_cpus=0.25, max_retries=0)(where)

    def call(number: int, node: Node) -> ray.ObjectRef:
        place = Pinned(node.node_id, soft=False)
        return task.options(scheduling_strategy=place).remote(number, seconds)

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
