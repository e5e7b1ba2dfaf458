"""Runs gunicorn with our application and our worker: one process per processor, a few threads in each."""

import gc
import os
import socket
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from container import log_level_name
from fleetcast.errors import SettingError
from serving.http.app import application
from serving.http.head_parser import MAX_HEADER_BYTES, MAX_HEADERS, MAX_LINE_BYTES
from serving.http.metrics import Metrics, reserve_space, share_counts, take_slot
from serving.http.model_source import SingleModel, model_source, single_model, store_place
from serving.http.request_log import RequestLog
from serving.http.worker import Worker
from serving.request import RequestBudget
from serving.settings import ServingSettings

GRACEFUL_SECONDS: Final = 25
"""How long the workers may take to end after SIGTERM; SageMaker sends SIGKILL after 30 seconds."""
HUNG_SECONDS: Final = 60
"""A worker whose event loop has not turned for this long is replaced."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long a connection without a request stays open."""
CONNECTIONS: Final = 1_000
"""Most open connections of a worker."""
BACKLOG: Final = 2_048
"""Most connections that wait to be accepted."""
MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108 -- gunicorn's file has no name there
"""Where gunicorn keeps the time of each worker's last heartbeat: in memory, if this folder is writable."""
SWITCH_SECONDS: Final = 0.001
"""How long Python runs one thread before another one, such as the event loop, gets its turn."""


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """The configuration of gunicorn, and what its workers share from before the fork."""

    def __init__(self, settings: ServingSettings, *, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._single: SingleModel | None = single_model(settings)
        if self._single is None and not settings.multi_model:
            store_place(settings)
        self.budget = RequestBudget(max_body_bytes=settings.max_request_bytes)
        """The budget of one worker: each has its own copy after the fork."""
        self._metrics: Metrics | None = None
        share_counts(folder)
        reserve_space(folder, slots=settings.processes, max_customers=settings.metrics_customers)
        self._listener = listener(settings.port)
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings; its documentation explains their names."""
        configuration: dict[str, Any] = {
            "bind": f"fd://{self._listener.detach()}",
            "workers": self.settings.processes,
            "worker_class": Worker,
            "threads": self.settings.threads,
            "worker_connections": CONNECTIONS,
            "backlog": BACKLOG,
            "timeout": HUNG_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "limit_request_line": MAX_LINE_BYTES,
            "limit_request_fields": MAX_HEADERS,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "forwarded_allow_ips": "",  # no proxy's headers are believed, as nothing depends on them
            "worker_tmp_dir": str(self._heartbeat_folder()),
            "control_socket_disable": True,
            "loglevel": log_level_name(),
            "pre_fork": _choose_slot,
            "post_fork": _start_worker,
            "when_ready": _share_memory,
        }
        for name, value in configuration.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application of a worker; gunicorn calls this in the worker."""
        self._metrics = Metrics(self._folder, max_customers=self.settings.metrics_customers)
        models = model_source(self.settings, single=self._single, folder=self._folder)
        return application(self.settings, models, self._metrics, self.budget)

    def refused(self, status: HTTPStatus) -> None:
        """Count and log a request that was refused before it reached the application."""
        if self._metrics is not None:
            self._metrics.observe(route="(refused)", status=status, seconds=0.0)
        RequestLog().write(route="(refused)", status=status, seconds=0.0)

    def _heartbeat_folder(self) -> Path:
        return MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else self._folder


def listener(port: int) -> socket.socket:
    """Return a socket that listens on IPv4, and on IPv6 if the machine has it; raises `SettingError`."""
    try:
        if _has_ipv6():
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
            )
        return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 -- a container's
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingError(
            f"port {port} cannot be opened ({reason}); set SAGEMAKER_BIND_TO_PORT to another one"
        ) from error


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return socket.has_dualstack_ipv6()


def serve(settings: ServingSettings, *, folder: Path) -> None:
    """Run gunicorn until SIGTERM or SIGINT; it ends by SystemExit, in its workers as well."""
    Arbiter(Server(settings, folder=folder)).run()


def _choose_slot(arbiter: Arbiter, worker: Worker) -> None:
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _start_worker(_arbiter: Arbiter, worker: Worker) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    take_slot(worker.slot)


def _share_memory(_arbiter: Arbiter) -> None:
    gc.freeze()  # the workers share the memory of all objects that exist now
