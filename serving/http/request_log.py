"""The request log: one line of JSON on stdout for each request, with route and status, without the body."""

import logging
import re
import sys
import uuid
from datetime import UTC, datetime
from typing import Final

from serving.request import Headers, encode

QUIET_ROUTES: Final = frozenset({"/ping", "/metrics"})
"""Routes that are requested every few seconds; SAGEMAKER_CONTAINER_LOG_LEVEL=DEBUG logs them too."""
_ID: Final = re.compile(r"[!-~]{1,128}")
_ID_HEADERS: Final = ("X-Request-Id", "X-Amzn-RequestId")


def request_id(headers: Headers) -> str:
    """Return the id in the headers of a request, or a new one if they have none that can be logged."""
    for name in _ID_HEADERS:
        if (client_id := headers.get(name)) and _ID.fullmatch(client_id):
            return client_id
    return uuid.uuid4().hex


class RequestLog:
    """Writes the lines; safe for any number of threads."""

    def __init__(self) -> None:
        level = logging.getLogger().getEffectiveLevel()
        self._is_on = level <= logging.INFO
        self._logs_quiet_routes = level <= logging.DEBUG

    def write(self, *, route: str, status: int, seconds: float, **facts: object) -> None:
        """Write one line, unless the log level excludes it; facts that are None are left out."""
        if not self._is_on or (route in QUIET_ROUTES and not self._logs_quiet_routes):
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
