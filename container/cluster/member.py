"""A host other than the head: joins the cluster, and lends its processors until the job is over."""

import logging
import os
import time
from pathlib import Path
from typing import Final

from container.cluster.address import address_of, answers
from container.cluster.errors import ClusterError
from container.cluster.farewell import VARIABLE, Farewell
from container.cluster.ray_process import RayProcess
from container.cluster.settings import (
    CONNECT_SECONDS,
    FIXED_PORTS,
    HEAD_LOST_SECONDS,
    HEAD_PORT,
    JOIN_SECONDS,
    STOP_SECONDS,
    WATCH_SECONDS,
)
from container.cluster.waiting import Waiting
from container.host import Host
from container.quoting import quoted
from container.stop import StopRequest

logger = logging.getLogger(__name__)

LOST_END_SECONDS: Final = 1.0
"""How long Ray's processes have to end once the head is lost."""


def run_member(host: Host, *, stop: StopRequest, folder: Path) -> int:
    """Join the cluster and serve it; return this host's exit code, see `run_on_cluster`."""
    head = host.names[0]
    waiting = Waiting(JOIN_SECONDS.read(os.environ), stop)
    head_address = address_of(head, waiting)
    address = address_of(host.name, waiting)
    while not answers(head_address, HEAD_PORT, seconds=CONNECT_SECONDS):
        if not waiting.goes_on():
            raise ClusterError(
                f"the head {quoted(head)} does not answer at {head_address}:{HEAD_PORT} within "
                f"{JOIN_SECONDS.name} = {waiting.seconds:g} seconds: its log says whether Ray started there; "
                "a firewall between the hosts must let this port through"
            )
    options = [f"--address={head_address}:{HEAD_PORT}", *FIXED_PORTS.options]
    ray_process = RayProcess(options, folder, name=host.name, address=address)
    logger.info("host %s joins the Ray cluster of %s", quoted(host.name), quoted(head))
    try:
        return _Watch(head, head_address, ray_process, stop).exit_code()
    finally:
        ray_process.end(LOST_END_SECONDS)


class _Watch:
    """Looks after the head's farewell, the head itself, and Ray on this host."""

    def __init__(self, head: str, address: str, ray_process: RayProcess, stop: StopRequest) -> None:
        self._head = head
        self._address = address
        self._ray_process = ray_process
        self._stop = stop
        self._last_answer = time.monotonic()

    def exit_code(self) -> int:
        """Wait for the end of the job and return this host's exit code.

        Raises ClusterError where there was no job, where the head is lost, or where Ray ended on this host.
        """
        farewell_file = Path(os.environ[VARIABLE])
        stopped_at: float | None = None
        while (farewell := Farewell.read(farewell_file)) is None:
            if self._stop.is_made():
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() - stopped_at > STOP_SECONDS:
                    logger.warning("the head has not ended the job after %g seconds", STOP_SECONDS)
                    return self._stop.exit_code
            try:
                self._check_head()
                self._check_ray()
            except ClusterError as error:
                if not self._stop.is_made():
                    raise
                logger.warning("stopped: %s", error)
                return self._stop.exit_code
            time.sleep(WATCH_SECONDS)
        if farewell.failure:
            raise ClusterError(f"the head {quoted(self._head)} has given up: {farewell.failure}")
        logger.info("the head %s says that the job is over", quoted(self._head))
        return farewell.exit_code if farewell.exit_code > 128 else 0  # noqa: PLR2004 -- ended by a signal

    def _check_head(self) -> None:
        if answers(self._address, HEAD_PORT, seconds=CONNECT_SECONDS):
            self._last_answer = time.monotonic()
        elif time.monotonic() - self._last_answer > HEAD_LOST_SECONDS:
            raise ClusterError(
                f"the head is gone: {quoted(self._head)} has not answered for {HEAD_LOST_SECONDS:g} seconds, "
                "and has not said that the job is over. Its log has the reason; run the same job again"
            )

    def _check_ray(self) -> None:
        code = self._ray_process.exit_code()
        if code is not None and answers(self._address, HEAD_PORT, seconds=CONNECT_SECONDS):
            raise ClusterError(
                f"Ray ended on this host before the job was over (exit code {code}): "
                f"{self._ray_process.last_lines()}"
            )
