"""Multi Model Server in front and the processes of the shared pool behind it, from start to end."""

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from fleetcast.errors import FleetcastError, SettingError
from serving.mms.java_process import start
from serving.mms.pool import Pool
from serving.mms.spare_files import keep_spare_files
from serving.mms.store_endpoint import STORE_NAME
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

BACKLOG: Final = 4096
WATCH_SECONDS: Final = 0.1
CONNECTIONS_PER_PROCESS: Final = 8
"""On which the model store is asked: as many requests can be under way."""
HUNG_SECONDS: Final = 30.0
"""A pool process whose loop did not turn for so long is replaced."""
MOST_DEATHS: Final = 20
DEATHS_SECONDS: Final = 10.0
"""More deaths than that within so long, and the server gives up."""
STOP_SECONDS: Final = 20.0
"""SageMaker sends SIGKILL 30 seconds after SIGTERM."""


class ServerError(FleetcastError):
    """The server cannot go on."""


@dataclass(slots=True)
class _Member:
    """A process of the pool."""

    process: BaseProcess
    beat: Any
    """The time of its last round, shared with it."""


class Supervisor:
    """Starts everything, replaces pool processes that die or hang, and stops everything.

    It holds the pool's listening sockets: connections wait in them while a process is replaced, and Multi
    Model Server, which connects again a second after it lost one, has its models loaded again.
    """

    def __init__(self, settings: ServingSettings, *, java: Path, folder: Path) -> None:
        self._settings = settings
        self._java = java
        self._folder = folder
        self._asked: list[int] = []
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._shared = _listen(folder / "all.sock")
        self._listeners = [_listen(folder / f"{slot}.sock") for slot in range(settings.processes)]
        self._members: list[_Member] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code.  Raises `ServerError` and `SettingError`."""
        _check_port(self._settings.port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: self._asked.append(number))
        keep_spare_files(self._folder)
        gc.freeze()  # what is there now is shared with the pool's processes
        self._members = [self._member(slot) for slot in range(len(self._listeners))]
        server = start(self._settings, java=self._java, folder=self._folder)
        logger.info(
            "Multi Model Server on port %d, %d processes in the pool, models below %s",
            self._settings.port,
            len(self._members),
            self._settings.paths.models,
        )
        try:
            wide = not self._settings.model_store
            while not self._asked:
                time.sleep(WATCH_SECONDS)
                wide = wide or self._widen_store()
                if server.poll() is not None:
                    raise ServerError(f"Multi Model Server ended with {server.returncode}")
                self._replace_the_dead()
            self._drain()
        finally:
            _end_group(server)
            for member in self._members:
                member.process.kill()
                member.process.join()
        return 0

    def _widen_store(self) -> bool:
        """Have the store's requests come on several connections; return whether MMS was up to be told."""
        connections = CONNECTIONS_PER_PROCESS * len(self._members)
        server = HTTPConnection("127.0.0.1", self._settings.port, timeout=1)  # by no proxy, whatever is set
        try:
            server.request("PUT", f"/models/{STORE_NAME}?min_worker={connections}")
            return server.getresponse().status == HTTPStatus.ACCEPTED
        except (OSError, HTTPException):
            return False
        finally:
            server.close()

    def _replace_the_dead(self) -> None:
        for slot, member in enumerate(self._members):
            if member.process.is_alive() and time.monotonic() - member.beat.value > HUNG_SECONDS:
                logger.error("process %d of the pool hangs and is replaced", slot)
                member.process.kill()
                member.process.join()
            if not member.process.is_alive():
                logger.error("process %d of the pool ended with %s", slot, member.process.exitcode)
                self._count_death()
                self._members[slot] = self._member(slot)

    def _count_death(self) -> None:
        now = time.monotonic()
        if len(self._deaths) == MOST_DEATHS and now - self._deaths[0] < DEATHS_SECONDS:
            raise ServerError(f"the pool's processes died {MOST_DEATHS} times within {DEATHS_SECONDS:g} s")
        self._deaths.append(now)

    def _drain(self) -> None:
        """Let the pool answer what it has, and refuse what comes; then nobody is waited for."""
        logger.info("stopping")
        for member in self._members:
            member.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for member in self._members:
            member.process.join(max(0.0, deadline - time.monotonic()))

    def _member(self, slot: int) -> _Member:
        context = multiprocessing.get_context("fork")
        beat = context.Value(ctypes.c_double, time.monotonic(), lock=False)
        process = context.Process(target=self._serve, args=(slot, beat), name=f"pool-{slot}")
        process.start()
        return _Member(process, beat)

    def _serve(self, slot: int, beat: Any) -> None:  # noqa: ANN401 -- ctypes
        """Run a process of the pool; this is the child."""

        def turn() -> None:
            beat.value = time.monotonic()

        pool = Pool(
            [self._listeners[slot], self._shared],
            settings=self._settings,
            folder=self._folder,
            slot=slot,
            beat=turn,
        )
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor decides
        signal.signal(signal.SIGTERM, lambda _number, _frame: pool.stop())
        pool.run()


def _check_port(port: int) -> None:
    """Raise `SettingError` where nobody can listen on the port; Java would say so in twenty lines."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 -- as Multi Model Server does
            probe.listen(1)
        except OSError as error:
            raise SettingError(
                f"port {port} cannot be used ({error.strerror}); SAGEMAKER_BIND_TO_PORT names another one"
            ) from None


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(path))
    listener.listen(BACKLOG)
    return listener


def _end_group(server: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
