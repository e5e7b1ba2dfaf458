"""Ray's processes on this host: how they are started, and ended within a bound."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from container.cluster import farewell, host_log
from container.cluster.errors import ClusterError
from container.cluster.settings import END_SECONDS, POLL_SECONDS
from container.cluster.token import TOKEN_PATH, derived_token, is_set_by_user
from container.cpu import usable_cpus
from container.own_packages import variables_for_own_packages
from container.quoting import quoted

MEGABYTE: Final = 1024 * 1024
LEAST_STORE_BYTES: Final = 75 * MEGABYTE
"""Ray refuses a smaller object store."""
MOST_STORE_BYTES: Final = 2048 * MEGABYTE
STORE_SHARE: Final = 0.8
"""Of the free bytes of /dev/shm."""
LEAST_SHARED_BYTES: Final = 90 * MEGABYTE
"""With less in /dev/shm, as in Docker, the store is a file on the disk."""
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- a kind of memory, not a folder for files
MOST_FOLDER_CHARACTERS: Final = 40
"""Of the folder of a run: the names of Ray's sockets below it have 60 more, and Linux accepts 107."""
LOG: Final = "ray-start.log"
OWN: Final = "ray"
"""Ray's own folder in that of a run; Ray lets every user write there."""
LOG_LINES: Final = 5
"""Of `ray start`, in an error."""
LOG_BYTES: Final = 4096
VARIABLES: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # the head counts a host as dead after about 20 seconds without an answer; Ray's own default is a minute
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "3",
    # each worker process of a job has a limit of memory of its own, and Ray would kill the parent of them all
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_ROTATION_MAX_BYTES": str(10 * MEGABYTE),
    "RAY_ROTATION_BACKUP_COUNT": "1",
}
"""Environment variables of Ray's processes."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Where Ray keeps objects on this host, and how many bytes of them."""

    size: int
    on_disk: bool

    @classmethod
    def of(cls, shared_bytes: int) -> "ObjectStore":
        """Return the store for so many free bytes in /dev/shm."""
        if shared_bytes < LEAST_SHARED_BYTES:
            return cls(LEAST_STORE_BYTES, on_disk=True)
        size = min(int(shared_bytes * STORE_SHARE), MOST_STORE_BYTES)
        return cls(max(size, LEAST_STORE_BYTES), on_disk=False)

    def options(self, folder: Path) -> list[str]:
        """Return the options of `ray start`; a store on the disk lies in `folder`."""
        size = f"--object-store-memory={self.size}"
        return [size, f"--plasma-directory={folder}"] if self.on_disk else [size]

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that go with the options."""
        return {"RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1"} if self.on_disk else {}


def shared_bytes() -> int:
    """Return the free bytes of /dev/shm; 0 where there is none."""
    try:
        status = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


@contextmanager
def ray_environment(folder: Path, hosts: Sequence[str]) -> Iterator[None]:
    """Set the environment of Ray's processes and of this one, which connects to them; restore it afterwards.

    Unless the user has set a token, one is written to a file in `folder`.
    """
    before = dict(os.environ)
    try:
        os.environ.update(VARIABLES | variables_for_own_packages(os.environ))
        os.environ.pop("RAY_ADDRESS", None)  # of another cluster
        os.environ[host_log.VARIABLE] = host_log.own_log()
        os.environ[farewell.VARIABLE] = str(folder / "farewell.json")
        if not is_set_by_user(os.environ):
            path = folder / "token"
            path.touch(mode=0o600)
            path.write_text(derived_token(os.environ, hosts))
            os.environ[TOKEN_PATH] = str(path)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def check_length(folder: Path) -> None:
    """Raise ClusterError where Ray's sockets below `folder` would have names that are too long."""
    if len(str(folder)) > MOST_FOLDER_CHARACTERS:
        raise ClusterError(
            f"the name of the temporary folder {quoted(folder)} is too long for Ray's sockets: set TMPDIR to "
            "a short one, such as /tmp"
        )


class RayProcess:
    """`ray start --block` on this host and all that it starts: one session of processes."""

    def __init__(self, options: Sequence[str], folder: Path, *, name: str, address: str) -> None:
        self._log, own = folder / LOG, folder / OWN
        store = ObjectStore.of(shared_bytes())
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
            *(f"--node-name={name}", f"--node-ip-address={address}", f"--temp-dir={own}"),
            *(f"--num-cpus={usable_cpus()}", "--num-gpus=0", *store.options(own)),
            *("--disable-usage-stats", "--include-log-monitor=false", "--no-monitor", "--log-color=false"),
            *options,
        ]
        own.mkdir()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- Ray's own command
                command,
                env=dict(os.environ) | store.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """Return the exit code of `ray start`, which ends once one of Ray's processes died; else None."""
        return self._process.poll()

    def last_lines(self) -> str:
        """Return the end of what `ray start` printed, for an error."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - LOG_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return quoted(" | ".join([line.strip() for line in lines if line.strip()][-LOG_LINES:]))

    def end(self, seconds: float = END_SECONDS) -> None:
        """End all of Ray's processes: SIGTERM, and SIGKILL for those that are there after so many seconds."""
        until = time.monotonic() + seconds
        self._process.terminate()
        while self._process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        while session := list(_processes_of_session(self._process.pid)):
            for process in session:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._process.poll()
            time.sleep(0.01)
        self._process.wait()


def _processes_of_session(session: int) -> Iterator[int]:
    """Yield the processes of a session that have not ended."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # it has ended
            state, _, _, number = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(number) == session and state not in "ZX":
                yield int(folder.name)
