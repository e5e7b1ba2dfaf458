"""Runs the command of a step: its output goes to a file, and its last line to the log now and then."""

import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Final

from container import StopRequest, quoted
from fleetcast.errors import FleetcastError
from pipeline.run_local.workspace import Workspace

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES: Final = 5.0
SECONDS_BETWEEN_EQUAL_LINES: Final = 30.0
"""Where the last line of a step's log stays the same."""
SECONDS_TO_STOP: Final = 60.0
"""How long a step may take to end after a signal, before it is killed."""
LAST_BYTES: Final = 4096
LINES_OF_A_FAILURE: Final = 5
MOST_CHARACTERS: Final = 200
"""Of a line of a step's log that is shown."""
_TIME_AND_LEVEL: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


class StepError(FleetcastError):
    """The program of a step failed."""


class StepStoppedError(FleetcastError):
    """The run was asked to stop, and its step has ended."""


@dataclass(frozen=True, slots=True)
class Runner:
    """How commands are started: their environment, the lock that they inherit, who asks them to stop."""

    environment: Mapping[str, str]
    lock: int
    stop: StopRequest

    def run(self, step: str, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> None:
        """Run a command to its end; raise StepError where it fails, StepStoppedError after a signal."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                process = subprocess.Popen(  # noqa: S603 -- the commands of the definition are what is run
                    command,
                    env={**self.environment, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(self.lock,),
                )
            except OSError as error:
                raise StepError(f"step {step}: {command[0]} does not start: {error.strerror}") from error
        Workspace.say_who(self.lock, process.pid)
        try:
            code = self._wait(step, process, log)
        finally:
            Workspace.say_who(self.lock, os.getpid())
        if self.stop.is_made():
            raise StepStoppedError(f"step {step} was stopped; the same command goes on with it")
        if code:
            lines = " | ".join(last_lines(log)[-LINES_OF_A_FAILURE:])
            raise StepError(f"step {step} ended with code {code}; the end of {quoted(log)}: {lines}")

    def _wait(self, step: str, process: subprocess.Popen[bytes], log: Path) -> int:
        started = said = time.monotonic()
        line = ""
        asked: float | None = None
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=0.1)
            now = time.monotonic()
            if self.stop.is_made() and asked is None:
                asked = now
                process.send_signal(self.stop.signal)
            if asked is not None and now - asked > SECONDS_TO_STOP:
                os.killpg(process.pid, signal.SIGKILL)
            last = (last_lines(log) or [""])[-1] if now - said >= SECONDS_BETWEEN_LINES else line
            if last != line or now - said >= SECONDS_BETWEEN_EQUAL_LINES:
                said, line = now, last
                logger.info("%s: %.0f s: %s", step, now - started, line)


def last_lines(log: Path) -> list[str]:
    """Return the last lines of a step's log, without their times and shortened; none without a log."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LAST_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    texts = [_TIME_AND_LEVEL.sub("", line.strip()) for line in lines if line.strip()]
    return [shorten(text, MOST_CHARACTERS, placeholder=" …") for text in texts]
