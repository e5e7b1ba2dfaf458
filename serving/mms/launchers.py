"""Finds and ends launchers: the small processes that Multi Model Server starts, one per model.

Each launcher appends `<process id> <model name>` and a NUL to the file of its pool process (launcher.sh).
Where the disk was full, it could not; then all processes are searched.  A process counts as a launcher only
if its environment names this pool's folder: another server on the same host may have a model of that name.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_SCRIPT, _NAME = 2, 11 + 1
"""Indexes in a launcher's command line, whose first item is the shell."""


class Launchers:
    """The launchers of one pool process, by the name of their model."""

    def __init__(self, folder: Path, *, slot: int) -> None:
        """`folder` is the server's temporary folder, and `slot` the number of the pool process."""
        self._folder = folder
        self._file = (folder / f"{slot}.launchers").open("a+b", buffering=0)
        self._file.seek(0)
        self._unfinished_line = b""
        self._pids: dict[str, int] = {}

    def find(self, name: str) -> int | None:
        """Return the process id of the launcher that was started last for a model, None without one."""
        self._read()
        pid = self._pids.get(name)
        if pid is not None and self._is_launcher(pid, name):
            return pid
        pids = [int(path.name) for path in _PROCESSES.glob("[0-9]*") if self._is_launcher(path.name, name)]
        return max(pids, default=None)

    def forget(self, name: str, pid: int) -> None:
        """Remove the entry of a launcher that has ended."""
        if self._pids.get(name) == pid and not _is_running(pid):
            del self._pids[name]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> None:
        *lines, self._unfinished_line = (self._unfinished_line + self._file.read()).split(b"\0")
        for line in lines:
            pid, _, name = line.partition(b" ")
            self._pids[name.decode("utf-8", "replace")] = int(pid)

    def _is_launcher(self, pid: int | str, name: str) -> bool:
        """Return whether a process is this server's launcher of a model; without /proc, assume it."""
        process = _PROCESSES / str(pid)
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if len(arguments) <= _NAME or not arguments[_SCRIPT].endswith(b"/model_service_worker.py"):
                return False
            if arguments[_NAME].decode("utf-8", "replace") != name:
                return False
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return not (_PROCESSES / "self").exists()
        return b"POOL_FOLDER=" + os.fsencode(self._folder) in variables


def stop_listening(pid: int) -> None:
    """Make a launcher close its output, so that Multi Model Server ends the two threads that read it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)


def kill(pid: int) -> int | None:
    """Kill a launcher; return a descriptor that becomes readable once Java has noticed.

    Java closes its end of the launcher's standard input after it has noticed the exit.  This opens the other
    end of that pipe, which becomes readable (end of file) then.  Returns None without /proc.
    """
    try:
        pipe = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        pipe = None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pipe


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the system has given the number to another user's process
        return False
    return True
