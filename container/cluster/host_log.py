"""Brings what Ray's processes on a host log into the log of that host."""

import os
from contextlib import suppress
from typing import Final

VARIABLE: Final = "FLEETCAST_CLUSTER_LOG"
"""The environment variable of Ray's processes that holds a path: where the program on the host logs."""


def own_log() -> str:
    """Return the path under which other processes of this user can open this process's stderr."""
    return f"/proc/{os.getpid()}/fd/2"


def log_on_this_host() -> None:
    """Let this process of Ray, and those that it starts, write to the log of the host.

    Ray would write it to a file that is gone with the cluster.  Elsewhere, and where stderr cannot be opened
    again, such as a socket, nothing changes.
    """
    path = os.environ.get(VARIABLE)
    if path:
        with suppress(OSError):
            log = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 2)
            os.close(log)
