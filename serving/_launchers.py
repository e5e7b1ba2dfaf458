"""The launchers that Multi Model Server has started, one per model, by the model's name."""

import os
import signal
from contextlib import suppress
from pathlib import Path


class Launchers:
    """Reads what launchers write about themselves: `<process id> <name>` and a NUL, one after the other."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a+b", buffering=0)
        self._file.seek(0)
        self._rest = b""
        self._pids: dict[str, int] = {}

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the last launcher of a model, if there is one."""
        self._read()
        if name in self._pids:
            with suppress(ProcessLookupError):
                os.kill(self._pids[name], number)

    def forget(self, name: str) -> None:
        """Forget a model's launcher."""
        self._read()
        self._pids.pop(name, None)

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\0")
        for line in lines:
            pid, _, name = line.partition(b" ")
            self._pids[name.decode("utf-8", "replace")] = int(pid)
