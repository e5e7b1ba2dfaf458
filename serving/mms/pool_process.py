"""A process of the shared pool, as its supervisor handles it."""

import ctypes
import multiprocessing
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from serving.mms.pool import Pool
from serving.settings import ServingSettings

HUNG_SECONDS: Final = 30.0
"""A process whose loop has not turned for this long hangs; a step takes milliseconds."""

_fork = multiprocessing.get_context("fork")


class PoolProcess:
    """One process: a forked child that serves the models of one slot."""

    def __init__(
        self, slot: int, listeners: Sequence[socket.socket], *, settings: ServingSettings, folder: Path
    ) -> None:
        """Prepare it; `listeners` outlive the process, so that connections wait while it is replaced."""
        self.slot = slot
        self._listeners = listeners
        self._settings = settings
        self._folder = folder
        self._last_beat: Any = _fork.Value(ctypes.c_double, time.monotonic(), lock=False)
        self._process = _fork.Process(target=self._run, name=f"pool-{slot}")

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process is alive."""
        return self._process.exitcode

    def is_alive(self) -> bool:
        """Return whether the process has started and not ended."""
        return self._process.is_alive()

    def is_hung(self) -> bool:
        """Return whether the process is alive and its loop has stopped."""
        return self.is_alive() and time.monotonic() - self._last_beat.value > HUNG_SECONDS

    def start(self) -> None:
        """Fork the process."""
        self._last_beat.value = time.monotonic()
        self._process.start()

    def terminate(self) -> None:
        """Ask the process to drain and end."""
        self._process.terminate()

    def join(self, timeout_seconds: float) -> None:
        """Wait until the process has ended, but not longer than the timeout."""
        self._process.join(timeout_seconds)

    def kill(self) -> None:
        """End the process at once, and wait for that."""
        self._process.kill()
        self._process.join()

    def _run(self) -> None:
        """Serve; this is the child."""
        pool = Pool(
            self._listeners, settings=self._settings, folder=self._folder, slot=self.slot, beat=self._beat
        )
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor decides
        signal.signal(signal.SIGTERM, lambda _number, _frame: pool.stop())
        pool.run()

    def _beat(self) -> None:
        self._last_beat.value = time.monotonic()
