"""The environment that worker processes start in: variables, signals, and the path of imports.

multiprocessing starts a fork server with the first worker, and forks each worker from it.  Workers therefore
inherit what the fork server has.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from threading import Thread
from types import ModuleType
from typing import Final

from container import variables_for_own_packages

VARIABLES: Final = {
    "OMP_NUM_THREADS": "1",  # OpenBLAS reads it too
    # keep freed memory: each fit needs the same half megabyte, and new pages are a tenth of its time
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}
"""Environment variables of a worker, where the user has not set them."""


def set_variables() -> None:
    """Set `VARIABLES` for processes that start from now on; NumPy reads some of them when it is loaded."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


@contextmanager
def without_signals() -> Iterator[None]:
    """Start processes that never receive SIGINT and SIGTERM: the job alone decides when to stop.

    A terminal sends Ctrl-C to every process of a job.  A signal that arrives within this block reaches this
    process at its end.
    """
    resource_tracker.ensure_running()  # started below, it would unblock both signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_job() -> None:
    """End this worker when the process that started it ends, even if that is killed.

    Otherwise it would go on with its customer, without anybody to measure the time.
    """
    job = multiprocessing.parent_process()
    if job is not None:
        Thread(target=_end_after, args=(job.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def own_packages_first() -> Iterator[None]:
    """Start a fork server that imports this project's packages, whatever else has their names."""
    with _changed_environment(**variables_for_own_packages(os.environ)):
        yield


@contextmanager
def without_main() -> Iterator[None]:
    """Start processes that do not import this process's main module: a worker needs nothing of it.

    The main module of a process of Ray imports all of Ray, a second and 50 MB for each worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _changed_environment(**variables: str) -> Iterator[None]:
    """Set environment variables, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
