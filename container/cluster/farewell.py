"""How the head tells the other hosts that the job is over: a task on each of them writes a file there.

Without it a host could not tell the end of a job from the loss of the head.  The file lies in a folder that
is new for each run, and Ray's processes on the host know it from their environment, so no file of an earlier
run can end a later one.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Final, Self

VARIABLE: Final = "FLEETCAST_CLUSTER_FAREWELL"
"""The environment variable of Ray's processes that holds the file's path."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """What the head says when it needs the other hosts no longer."""

    exit_code: int
    """With which the head will end."""
    failure: str = ""
    """Why there was no job; empty where there was one."""

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(self)))
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what the head has said; None where it has said nothing yet."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None


def folder_of_run() -> Path:
    """Return a folder on this host for a run's own files, in a process of Ray there.

    In a cluster that the hosts of a job have made it is gone with the cluster, elsewhere it is the system's.
    """
    path = os.environ.get(VARIABLE)
    return Path(path).parent if path else Path(gettempdir())


def write_here(farewell: Farewell) -> None:
    """Write the file of this host; runs in a process of Ray there."""
    farewell.write(Path(os.environ[VARIABLE]))
