"""The frame around each program: logging, and one line instead of a traceback where a person can act."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from container.quoting import one_line
from container.settings import choice
from fleetcast.errors import FleetcastError

logger = logging.getLogger(__name__)

_LEVELS = {str(value): value for value in (10, 20, 30, 40, 50)} | logging.getLevelNamesMapping()
EXIT_INTERRUPTED: Final = 130
"""After Ctrl-C: 128 and the signal's number, as shells have it."""
_IS_METRICS: Final = "is_metrics"
"""The attribute of a log record that is the line of metrics."""

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
        logger.warning("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        reason = f"internal error: {type(error).__name__}: {error}"
        logger.exception("internal error")
    if failed is not None:
        try:
            failed(os.environ, one_line(reason))
        except OSError as error:
            logger.error("the reason could not be written down: %s", error)  # noqa: TRY400 -- as above
    return 1


class LineFormatter(logging.Formatter):
    """Writes each message as one line that no metric definition matches, but those of `log_metrics`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """Return the line without a traceback."""
        if not getattr(record, _IS_METRICS, False):
            record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 -- logging's name and type
        """Return the traceback, each line indented, so that none looks like a line of the log."""
        return "\n".join(f"  {one_line(line)}" for line in super().formatException(ei).splitlines())


def log_metrics(values: Mapping[str, object]) -> None:
    """Log `name=value;` for each, the one line that SageMaker's metric definitions are to match."""
    line = " ".join(f"{name}={_plain(value)};" for name, value in values.items())
    logger.info(line, extra={_IS_METRICS: True})


def _plain(value: object) -> str:
    """Return a number without an exponent, as `[0-9.]+` reads it."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def configure_logging(env: Mapping[str, str]) -> None:
    """Log to stderr, a line each, from SAGEMAKER_CONTAINER_LOG_LEVEL on; raise `SettingError`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    level = choice(env, "SAGEMAKER_CONTAINER_LOG_LEVEL", among=_LEVELS, default="INFO")
    logging.getLogger().setLevel(_LEVELS[level])


def log_level_name() -> str:
    """Return the level of the log as most servers want to be told, such as `info`."""
    return logging.getLevelName(logging.getLogger().getEffectiveLevel()).lower()
