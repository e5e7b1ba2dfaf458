"""When a serving process refuses requests, and when it may end: one rule for both stacks.

A process that is asked to stop answers what it has and refuses new requests, so that clients retry on another
instance.  It ends once no request has come for a second: load balancers take a moment to look elsewhere.  The
pool behind Multi Model Server and gunicorn's worker both follow this rule and answer with these sentences.
"""

import time
from typing import Final

from serving.errors import UnavailableError

QUIET_SECONDS: Final = 1.0
"""A stopping process ends after this many seconds without a new request."""
MAX_DRAIN_SECONDS: Final = 15.0
"""A stopping process ends after this many seconds at the latest: SageMaker kills after 30."""


class Drain:
    """Records when requests came and when the process was asked to stop, and decides when it may end."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._last_request = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether the process was asked to stop; new requests are refused from then on."""
        return self._began is not None

    def begin(self) -> None:
        """Refuse new requests from now on; safe in a signal handler, and without effect the second time."""
        if self._began is None:
            self._began = time.monotonic()

    def note_request(self) -> None:
        """Record that a request has come, whether it is refused or not."""
        self._last_request = time.monotonic()

    def is_over(self, *, is_idle: bool, has_connections: bool = True) -> bool:
        """Return whether the process may end now.

        `is_idle`: no request is in progress and every response has been sent.  Without any connection there
        is nobody to refuse, so an idle process need not wait for more requests.
        """
        if self._began is None:
            return False
        now = time.monotonic()
        if now > self._began + MAX_DRAIN_SECONDS:
            return True
        if not is_idle or now <= self._last_request + QUIET_SECONDS:
            return False
        return not has_connections or now > self._began + QUIET_SECONDS


def shutting_down() -> UnavailableError:
    """Return the error for a request that comes while the process stops."""
    return UnavailableError("the server is shutting down; retry on another instance")


def queue_full(max_queued: int) -> UnavailableError:
    """Return the error for a request that would be queued behind `max_queued` others."""
    return UnavailableError(
        f"{max_queued} requests are already queued (SAGEMAKER_MODEL_JOB_QUEUE_SIZE); retry in 1 second"
    )
