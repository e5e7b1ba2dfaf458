"""Runs a program: sets up the log, and turns each error into log lines and an exit code.

An error that a person can repair is one line; only a defect has a traceback.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from container.environment import LOG_LEVEL, LOG_LEVELS
from container.quoting import one_line
from fleetcast.command import EXIT_INTERRUPTED
from fleetcast.errors import FleetcastError

logger = logging.getLogger(__name__)

_IS_METRICS: Final = "is_metrics"
"""The attribute that marks the log record of a line of metrics."""

Program: TypeAlias = Callable[[Mapping[str, str]], int]
OnFailure: TypeAlias = Callable[[Mapping[str, str], str], None]


def run(program: Program, *, failed: OnFailure | None = None) -> int:
    """Run `program(environment)` and return its exit code.

    A `FleetcastError` and an `OSError` become one log line and exit code 1.  Any other exception is a
    defect: it is logged with its traceback, exit code 1.  In both cases `failed(environment, reason)` is
    called.  Ctrl-C ends with exit code 130.
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
            logger.error("the reason of the failure could not be written to its file: %s", error)  # noqa: TRY400 -- as above
    return 1


class LineFormatter(logging.Formatter):
    """Writes each message as one line, which no metric definition matches unless `log_metrics` wrote it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """Return the record as one line, before its traceback."""
        if not getattr(record, _IS_METRICS, False):
            record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 -- logging's name and type
        """Return the traceback, each line indented, so that none looks like a line of the log."""
        return "\n".join(f"  {one_line(line)}" for line in super().formatException(ei).splitlines())


def log_metrics(values: Mapping[str, object]) -> None:
    """Log one line of `name=value;` pairs, the only line that SageMaker's metric definitions can match."""
    line = " ".join(f"{name}={_plain(value)};" for name, value in values.items())
    logger.info(line, extra={_IS_METRICS: True})


def _plain(value: object) -> str:
    """Return a number without an exponent, as `[0-9.]+` reads it."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def configure_logging(env: Mapping[str, str]) -> None:
    """Log to stderr, one line per message, from SAGEMAKER_CONTAINER_LOG_LEVEL on.

    Raises `SettingError` for a level that does not exist; the log works nevertheless, at INFO.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.getLogger().setLevel(LOG_LEVELS[LOG_LEVEL.read(env)])


def log_level_name() -> str:
    """Return the level of the log in small letters, as gunicorn and Multi Model Server accept it: `info`."""
    return logging.getLevelName(logging.getLogger().getEffectiveLevel()).lower()
