"""One line of JSON for each request on stdout: who asked for what, and how it went; never what was in it."""

import logging
import re
import sys
import uuid
from datetime import UTC, datetime
from typing import Final

from serving.request import Headers, encode

QUIET_ROUTES: Final = frozenset({"/ping", "/metrics"})
"""Asked for every few seconds; told with SAGEMAKER_CONTAINER_LOG_LEVEL=DEBUG only."""
_ID: Final = re.compile(r"[!-~]{1,128}")
_ID_HEADERS: Final = ("X-Request-Id", "X-Amzn-RequestId")


def request_id(headers: Headers) -> str:
    """Return the caller's id of a request where it has a usable one, and a new one otherwise."""
    for name in _ID_HEADERS:
        if (given := headers.get(name)) and _ID.fullmatch(given):
            return given
    return uuid.uuid4().hex


class RequestLog:
    """Writes the lines, whole, from any thread."""

    def __init__(self) -> None:
        level = logging.getLogger().getEffectiveLevel()
        self._tells = level <= logging.INFO
        self._tells_all = level <= logging.DEBUG

    def write(self, *, route: str, status: int, seconds: float, **facts: object) -> None:
        """Write one line, if the log's level wants it."""
        if not self._tells or (route in QUIET_ROUTES and not self._tells_all):
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "route": route,
            "status": status,
            "seconds": round(seconds, 6),
            **{name: fact for name, fact in facts.items() if fact is not None},
        }
        sys.stdout.buffer.write(encode(line) + b"\n")
        sys.stdout.buffer.flush()
