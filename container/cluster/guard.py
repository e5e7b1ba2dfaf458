"""Ends the head soon after its own Ray has died: calls into Ray would wait a minute, and then end it."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from container.cluster.ray_process import RayProcess
from container.cluster.settings import WATCH_SECONDS
from container.stop import StopRequest

logger = logging.getLogger(__name__)

LAST_SECONDS: Final = 2.0
"""How long the job has, after Ray has died, to end by itself with an error of its own."""


@contextmanager
def guarded(ray_process: RayProcess, stop: StopRequest, give_up: Callable[[str], None]) -> Iterator[None]:
    """Run a block, and end this process with exit code 1 if Ray dies meanwhile.

    The main thread may be inside Ray then, where neither an exception nor a signal reaches it.  What it has
    written stays, as after a kill.  Before, `give_up` is called with the reason.  A process that was asked to
    stop is left to end by itself.
    """
    is_over = Event()

    def watch() -> None:
        while ray_process.exit_code() is None:
            if is_over.wait(WATCH_SECONDS):
                return
        if is_over.wait(LAST_SECONDS) or stop.is_made():
            return
        reason = (
            f"Ray ended on the head before the job was over: {ray_process.last_lines()}; what is written "
            "stays: run the same job again for the other customers"
        )
        try:
            logger.error(reason)
            give_up(reason)
        finally:
            os._exit(1)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
