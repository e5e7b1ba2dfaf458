"""How a script with Ray runs: on the Ray cluster of its job's hosts, until it is done or stopped."""

import signal
from collections.abc import Callable, Mapping

from container import Host, Paths, StopRequest, run
from container.cluster import Cluster, run_on_cluster


def run_job(work: Callable[[Paths, Cluster], None]) -> int:
    """Make a job's hosts a Ray cluster, run `work` on the first one, and return this host's exit code.

    SIGTERM and Ctrl-C end the work at once; all of Ray's processes are gone afterwards.
    """

    def program(env: Mapping[str, str]) -> int:
        paths = Paths.from_env(env)

        def interruptible(cluster: Cluster) -> int:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
            work(paths, cluster)
            return 0

        return run_on_cluster(Host.from_files(paths), interruptible, stop=StopRequest.on_signals())

    return run(program)
