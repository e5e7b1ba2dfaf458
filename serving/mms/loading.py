"""Loads models for a pool process, and looks after what Multi Model Server leaves behind for each of them.

Per model, Multi Model Server starts a launcher and makes two files.  The pool ends the launcher of a model
that cannot be loaded: otherwise Multi Model Server keeps the model, unusable, until it is deleted.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from container import free_bytes
from serving.errors import DefectError, NoMemoryError, RequestError, no_memory
from serving.mms.launchers import Launchers, kill, stop_listening
from serving.mms.model_state import ModelState, Ready, Rejected, StoreBacked
from serving.mms.protocol import Load
from serving.mms.spare_files import has_room, keep_spare_files
from serving.mms.store_endpoint import STORE_NAME, StoreEndpoint
from serving.models import Forecaster, check_model_name, load_folder
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

STOP_LISTENING_SECONDS: Final = 1.0
"""How long Multi Model Server reads a launcher's output after the load; at once would be a race."""
MAX_EXIT_SECONDS: Final = 5.0
"""How long Java may take to notice that a launcher has ended."""
EXIT_SECONDS_WITHOUT_PROC: Final = 0.1
"""The same where there is no /proc to see it in."""


class Loader:
    """Loads models and counts them, within the limits of memory and disk."""

    def __init__(
        self, settings: ServingSettings, *, folder: Path, slot: int, store: StoreEndpoint | None
    ) -> None:
        """`folder` is the server's temporary folder, and `slot` the number of the pool process."""
        self._settings = settings
        self._store = store
        self._folder = folder
        self._launchers = Launchers(folder, slot=slot)
        self._models = 0

    def load(self, message: Load) -> ModelState:
        """Load a model; an error becomes a state of the model."""
        if message.name == STORE_NAME and self._store is not None:
            return StoreBacked(message, self._store)
        try:
            check_model_name(message.name)
            model = Ready(message, self._forecaster(message))
        except RequestError as error:
            logger.warning("model %r is not loaded: %s", message.name, error)
            return Rejected(message, error.without_traceback())
        self._models += 1
        return model

    def unload(self, model: ModelState) -> None:
        """Remove what Multi Model Server leaves behind of a model."""
        self._models -= isinstance(model, Ready)
        if isinstance(model, Ready | Rejected | StoreBacked):
            for stream in ("stdout", "stderr"):
                (self._folder / f"{model.load.io_name}-{stream}").unlink(missing_ok=True)
            keep_spare_files(self._folder)

    def launcher_of(self, message: Load) -> int | None:
        """Return the process id of a model's launcher, None if there is none."""
        return self._launchers.find(message.name)

    def release_launcher(self, pid: int, *, is_wanted: Callable[[], bool]) -> None:
        """Let a launcher close its output soon, unless the model is unloaded by then."""
        asyncio.get_running_loop().call_later(
            STOP_LISTENING_SECONDS, lambda: stop_listening(pid) if is_wanted() else None
        )

    def forget_launcher(self, message: Load, pid: int) -> None:
        """Forget the launcher of an unloaded model once it has ended."""
        asyncio.get_running_loop().call_later(
            STOP_LISTENING_SECONDS, self._launchers.forget, message.name, pid
        )

    def close(self) -> None:
        """Release the open file."""
        self._launchers.close()

    def _forecaster(self, message: Load) -> Forecaster:
        full = self._models * self._settings.processes >= self._settings.max_models
        if full or free_bytes() < self._settings.memory_reserve_bytes:
            raise no_memory()
        if not has_room(self._folder):
            logger.error("the disk of %s is full: no model can be loaded", self._folder)
            raise NoMemoryError("the disk of the server's temporary folder is full; make room there")
        try:
            return load_folder(Path(message.folder), store=self._settings.paths.models)
        except RequestError:
            raise
        except MemoryError:
            raise NoMemoryError("there is no memory for this model; unload another one") from None
        except Exception as error:
            logger.exception("model %r", message.name)
            raise DefectError("the model could not be loaded; the server's log has the reason") from error


def end_launcher(pid: int | None, then: Callable[[], None]) -> None:
    """Kill a launcher, and call `then` once Multi Model Server has noticed."""
    loop = asyncio.get_running_loop()
    pipe = None if pid is None else kill(pid)
    if pipe is None:
        loop.call_later(EXIT_SECONDS_WITHOUT_PROC, then)
        return

    def noticed() -> None:
        timeout.cancel()
        loop.remove_reader(pipe)
        os.close(pipe)
        then()

    timeout = loop.call_later(MAX_EXIT_SECONDS, noticed)
    with suppress(OSError):
        loop.add_reader(pipe, noticed)
