"""The launchers that Multi Model Server has started, one per model, by the model's name."""

import os
import signal
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_SCRIPT, _NAME = 2, 11 + 1
"""Places in a launcher's command line, which begins with the shell."""


class Launchers:
    """Reads what launchers write about themselves: `<process id> <name>` and a NUL, one after the other."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a+b", buffering=0)
        self._file.seek(0)
        self._rest = b""
        self._pids: dict[str, int] = {}

    def latest(self, name: str) -> int | None:
        """Return the process id of the launcher that was started last for a model."""
        self._read()
        pid = self._pids.get(name)
        if pid is not None and _leads(pid, name):
            return pid
        # It could write nothing: the disk is full
        return max(
            (int(path.name) for path in _PROCESSES.glob("[0-9]*") if _leads(path.name, name)), default=None
        )

    def forget(self, name: str, pid: int) -> None:
        """Forget a launcher that has ended."""
        if self._pids.get(name) == pid and not _runs(pid):
            del self._pids[name]

    def close(self) -> None:
        """Read nothing more."""
        self._file.close()

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\0")
        for line in lines:
            pid, _, name = line.partition(b" ")
            self._pids[name.decode("utf-8", "replace")] = int(pid)


def unlisten(pid: int) -> None:
    """Have a launcher close its output, so that Multi Model Server needs no threads to read it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)


def end(pid: int) -> int | None:
    """Kill a launcher; return a descriptor that becomes readable once Java has taken note of its end.

    Java closes the pipe that leads to a process's standard input after it has noted that the process is
    gone; opened anew by us, the pipe's other end tells of that.  None where there is no /proc.
    """
    try:
        pipe = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        pipe = None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pipe


def _leads(pid: int | str, name: str) -> bool:
    """Return whether a process is the launcher of a model; where there is no /proc, any may be."""
    try:
        arguments = (_PROCESSES / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return not (_PROCESSES / "self").exists()
    if len(arguments) <= _NAME or not arguments[_SCRIPT].endswith(b"/model_service_worker.py"):
        return False
    return arguments[_NAME].decode("utf-8", "replace") == name


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the number belongs to a process of somebody else by now
        return False
    return True
