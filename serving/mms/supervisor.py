"""Starts and stops Multi Model Server and its pool processes, and replaces those that die or hang."""

import gc
import logging
import os
import signal
import socket
import subprocess
import time
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from fleetcast.errors import FleetcastError, SettingError
from serving.mms.java_process import start
from serving.mms.pool_process import PoolProcess
from serving.mms.spare_files import keep_spare_files
from serving.mms.store_endpoint import STORE_NAME
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

BACKLOG: Final = 4096
"""Connections that wait to be accepted, for as many models as there may be while a process is replaced."""
WATCH_SECONDS: Final = 0.1
"""How often the processes are looked at."""
CONNECTIONS_PER_PROCESS: Final = 8
"""Requests to the model store that a pool process computes at the same time."""
MAX_DEATHS: Final = 20
DEATHS_SECONDS: Final = 10.0
"""The server gives up after more than MAX_DEATHS processes have died within these seconds."""
STOP_SECONDS: Final = 20.0
"""How long a drain may take; SageMaker sends SIGKILL 30 seconds after SIGTERM."""


class ServerError(FleetcastError):
    """The server cannot go on."""


class Supervisor:
    """Runs the server from start to end.

    It owns the pool's listening sockets.  When a process dies, connections wait in its socket until it is
    replaced; Multi Model Server connects again one second after a loss and loads its models again.
    """

    def __init__(self, settings: ServingSettings, *, java: Path, folder: Path) -> None:
        self._settings = settings
        self._java = java
        self._folder = folder
        self._signals: list[int] = []
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)
        self._shared = _listen(folder / "all.sock")
        self._listeners = [_listen(folder / f"{slot}.sock") for slot in range(settings.processes)]
        self._processes: list[PoolProcess] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code.  Raises `ServerError` and `SettingError`."""
        _check_port(self._settings.port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: self._signals.append(number))
        keep_spare_files(self._folder)
        gc.freeze()  # the pool processes share the memory of all objects that exist now
        self._processes = [self._start(slot) for slot in range(len(self._listeners))]
        server = start(self._settings, java=self._java, folder=self._folder)
        logger.info(
            "Multi Model Server listens on port %d, with %d pool processes; models are below %s",
            self._settings.port,
            len(self._processes),
            self._settings.paths.models,
        )
        try:
            has_connections = not self._settings.model_store
            while not self._signals:
                time.sleep(WATCH_SECONDS)
                has_connections = has_connections or self._request_store_connections()
                if server.poll() is not None:
                    raise ServerError(f"Multi Model Server ended with {server.returncode}")
                self._replace_dead_processes()
            self._drain()
        finally:
            _end_group(server)
            for process in self._processes:
                process.kill()
        return 0

    def _request_store_connections(self) -> bool:
        """Make Multi Model Server open the store's connections; return whether it was up to accept that."""
        connections = CONNECTIONS_PER_PROCESS * len(self._processes)
        server = HTTPConnection("127.0.0.1", self._settings.port, timeout=1)  # ignores proxy variables
        try:
            server.request("PUT", f"/models/{STORE_NAME}?min_worker={connections}")
            return server.getresponse().status == HTTPStatus.ACCEPTED
        except (OSError, HTTPException):
            return False
        finally:
            server.close()

    def _replace_dead_processes(self) -> None:
        for slot, process in enumerate(self._processes):
            if process.is_hung():
                logger.error("pool process %d hangs and is replaced", slot)
                process.kill()
            if not process.is_alive():
                logger.error(
                    "pool process %d ended with exit code %s and is replaced", slot, process.exit_code
                )
                self._count_death()
                self._processes[slot] = self._start(slot)

    def _count_death(self) -> None:
        now = time.monotonic()
        if len(self._deaths) == MAX_DEATHS and now - self._deaths[0] < DEATHS_SECONDS:
            raise ServerError(f"pool processes died {MAX_DEATHS} times within {DEATHS_SECONDS:g} s")
        self._deaths.append(now)

    def _drain(self) -> None:
        """Let the pool answer the requests in progress and refuse new ones."""
        logger.info("stopping: new requests are refused, those in progress are answered")
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))

    def _start(self, slot: int) -> PoolProcess:
        listeners = [self._listeners[slot], self._shared]
        process = PoolProcess(slot, listeners, settings=self._settings, folder=self._folder)
        process.start()
        return process


def _check_port(port: int) -> None:
    """Raise `SettingError` if the port cannot be used; Java would log twenty lines about it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 -- as Multi Model Server does
            probe.listen(1)
        except OSError as error:
            raise SettingError(
                f"port {port} cannot be used ({error.strerror}); set SAGEMAKER_BIND_TO_PORT to another one"
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
