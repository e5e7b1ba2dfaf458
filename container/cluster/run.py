"""Runs a job on all hosts that SageMaker has given to it, as one Ray cluster."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from container.cluster.cluster import Work
from container.cluster.errors import StoppedError
from container.cluster.head import run_head
from container.cluster.member import run_member
from container.cluster.ray_process import check_length, ray_environment
from container.host import Host
from container.stop import StopRequest
from fleetcast.extras import require


def run_on_cluster(
    host: Host, work: Work, *, stop: StopRequest, failed: Callable[[str], None] = lambda _: None
) -> int:
    """Make the hosts of a job a Ray cluster, run `work` on the first, and return this host's exit code.

    Every host of the job calls this.  The first of `host.names` is the head: it starts Ray, waits for the
    others, calls `work` with `ray` connected, and returns what that returned.  The others lend their
    processors until the head says that the job is over, and return 0, or the code of a signal if that ended
    the job.  All of Ray's processes and files are gone at the end.

    `stop` notes SIGTERM and SIGINT, also while `work` runs, which has to look at it.  If Ray ends on the
    head, `failed` is called with the reason, in a thread beside `work`, and exit code 1 follows.

    Raises `MissingExtraError` without the package `ray`, and `ClusterError` where hosts are missing, the head
    is lost or Ray ends on this host.
    """
    require("ray", extra="ray")
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # no other user can look into it
    try:
        check_length(folder)
        with ray_environment(folder, host.names):
            if host.index == 0:
                return run_head(host, work, stop=stop, folder=folder, failed=failed)
            return run_member(host, stop=stop, folder=folder)
    except StoppedError:
        return stop.exit_code
    finally:
        shutil.rmtree(folder, ignore_errors=True)
