"""The frame around each program: logging, and one line instead of a traceback where a person can act."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeAlias

from container._errors import FleetcastError
from container._settings import choice

logger = logging.getLogger(__name__)

_LEVELS = {str(value): value for value in (10, 20, 30, 40, 50)} | logging.getLevelNamesMapping()

Program: TypeAlias = Callable[[Mapping[str, str]], int]
Told: TypeAlias = Callable[[Mapping[str, str], str], None]


def run(program: Program, *, failed: Told | None = None) -> int:
    """Run `program(environment)` and return its exit code.

    A `FleetcastError`, and a file that cannot be used, become one log line and exit code 1; anything else
    is a defect and is logged with its traceback, exit code 1.  `failed(environment, reason)` is called in
    both cases.
    """
    try:
        configure_logging(os.environ)
        return program(os.environ)
    except FleetcastError as error:
        reason = str(error)
        logger.error(reason)  # noqa: TRY400 -- the text is the message; a traceback would bury it
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        logger.error(reason)  # noqa: TRY400 -- a full disk or a missing permission is no defect
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        reason = f"internal error: {type(error).__name__}: {error}"
        logger.exception("internal error")
    if failed is not None:
        try:
            failed(os.environ, reason)
        except OSError as error:
            logger.error("the reason could not be written down: %s", error)  # noqa: TRY400 -- as above
    return 1


def configure_logging(env: Mapping[str, str]) -> None:
    """Log to stderr, a line each, from SAGEMAKER_CONTAINER_LOG_LEVEL on; raise `SettingError`."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr, level=logging.INFO)
    level = choice(env, "SAGEMAKER_CONTAINER_LOG_LEVEL", among=_LEVELS, default="INFO")
    logging.getLogger().setLevel(_LEVELS[level])


def log_level_name() -> str:
    """Return the level of the log as most servers want to be told, such as `info`."""
    return logging.getLevelName(logging.getLogger().getEffectiveLevel()).lower()
