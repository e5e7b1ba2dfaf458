"""The limits on what requests may cost one serving process, in one object.

A process receives, computes and sends many requests at once, and holds their bytes within one limit
(`max_buffered_bytes`).  Small ones cost little to compute.  Large ones are
computed one at a time, so that the memory of a process is bounded by one of them; a few may wait.  What a
response costs is estimated before anything is computed (see `ResponseCost`), and a request that exceeds a
limit is refused as a whole.
"""

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Self

from serving.errors import TooLargeError, UnavailableError
from serving.steps import Steps

MEBIBYTE = 1024 * 1024


@dataclass(slots=True, eq=False, kw_only=True)
class RequestBudget:
    """The limits of one process, and the queue of its large requests; safe for any number of threads."""

    max_body_bytes: int = 6 * MEBIBYTE
    """Size of a request body, as sent and also once it is decoded; 6 MB is SageMaker's own limit."""
    max_buffered_bytes: int = 128 * MEBIBYTE
    """Bytes of unfinished requests and unsent responses that the process holds before it takes no more."""
    max_queued_large_requests: int = 2
    """Large requests that may wait for another one; more are refused with 503."""
    large_body_bytes: int = 128 * 1024
    """A request with a longer body is large."""
    large_response_cells: int = 100_000
    """A request for more cells is large: they take some 0.1 seconds."""
    max_response_cells: int = 4_000_000
    """Cells of a response: a million rows of the four usual columns."""
    max_response_bytes: int = 128 * MEBIBYTE
    """Estimated size of a response; a number has 14 characters usually and 24 at most."""
    max_response_batches: int = 20_000
    """Batches of records that are computed together; each takes some 0.4 milliseconds besides its cells."""
    max_forecast_cells: int = 4_000_000
    """Rows times columns and features of one forecast: 32 MB, a few times over while it is computed."""
    max_logistic_quantiles: int = 30_000
    """Rows times quantiles of one logistic forecast; each takes 6 microseconds."""
    max_sampled_rows: int = 1_000
    """Rows of a forecast with mcmc_samples, for which stock Prophet draws a thousand samples of each row."""
    buffered_bytes: int = field(default=0, init=False)
    """Bytes of requests that the process holds now; counted by its event loop, in that thread only."""
    _queue: "deque[LargeRequest]" = field(default_factory=deque, init=False, repr=False)
    """The large request that is computed, and behind it those that wait."""
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def large_requests(self) -> int:
        """How many large requests are computed or wait."""
        return len(self._queue)

    def body_too_large(self) -> TooLargeError:
        """Return the error for a body of more than `max_body_bytes`."""
        return TooLargeError(
            f"the body exceeds the limit of {self.max_body_bytes} bytes (SAGEMAKER_MAX_PAYLOAD_IN_MB); send "
            "fewer records at once"
        )

    def buffer_full(self) -> UnavailableError:
        """Return the error for a request that would not fit into `max_buffered_bytes`."""
        megabytes = self.max_buffered_bytes // MEBIBYTE
        return UnavailableError(f"requests of {megabytes} MB are already in progress; retry in 1 second")

    def append(self, request: "LargeRequest") -> "Future[None] | None":
        """Queue a large request; return what it waits for, None if it is the first.

        Raises `UnavailableError` if the queue is full.
        """
        with self._lock:
            if len(self._queue) > self.max_queued_large_requests:
                raise UnavailableError(
                    f"{self.max_queued_large_requests} large requests are already queued; retry in 1 second, "
                    "or send smaller requests"
                )
            self._queue.append(request)
            request.may_start = None if self._queue[0] is request else Future()
            return request.may_start

    def remove(self, request: "LargeRequest") -> None:
        """Take a large request out of the queue, and start the next one if it was the first."""
        with self._lock:
            was_first = self._queue[0] is request
            self._queue.remove(request)
            first = self._queue[0] if was_first and self._queue else None
        if first is not None and first.may_start is not None:
            first.may_start.set_result(None)


class LargeRequest:
    """A request that may turn out to be large: the block around its work, within which it can queue."""

    def __init__(self, budget: RequestBudget) -> None:
        self.may_start: Future[None] | None = None
        """Done once the large requests ahead of this one are."""
        self._budget = budget
        self._is_queued = False

    def __enter__(self) -> Self:
        """Begin as a small request, which needs no queue."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the next large request start."""
        if self._is_queued:
            self._budget.remove(self)

    def start(self) -> Steps[None]:
        """Queue as a large request until it is the first; raise `UnavailableError` if the queue is full."""
        if self._is_queued:
            return
        may_start = self._budget.append(self)
        self._is_queued = True
        while may_start is not None and not may_start.done():
            yield (may_start,)
