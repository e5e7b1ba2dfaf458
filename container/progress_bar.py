"""Shows the progress of long work: a bar on a terminal, a log line every few seconds elsewhere."""

import logging
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES: Final = 5.0
STEADY: Final = 2.0
"""Two rates in a row count as steady if neither is more than this many times the other."""


class Estimate:
    """How long the rest of some work will take, once its rate is steady.

    Work begins slowly, as programs start and caches fill, so the rate of its first seconds is no estimate.
    """

    def __init__(self, total: int, *, now: float) -> None:
        """Begin at the time `now`, in seconds, with `total` items to do."""
        self._total = total
        self._done = 0
        self._since = now
        self._rate: float | None = None

    def left(self, done: int, *, now: float) -> float | None:
        """Return the seconds left at the time `now`, with `done` items ready; None without a steady rate."""
        rate, before = (done - self._done) / (now - self._since), self._rate
        self._done, self._since, self._rate = done, now, rate
        if before is None or not 1 / STEADY <= (rate / before if before else 0.0) <= STEADY:
            return None
        return (self._total - done) / ((rate + before) / 2)


def progress(
    items: Iterable[T],
    *,
    total: int,
    doing: str,
    unit: str = "customers",
    at_most: Callable[[], float] = lambda: math.inf,
) -> Iterator[T]:
    """Yield `items`, and write to stderr how many of `total` are done, their rate and the time left.

    `doing` is the verb of the line, such as `train`, and `unit` what an item is, in the plural.  `at_most`
    returns the seconds after which the work ends even if it is not done, such as those of a budget.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm  # noqa: PLC0415 -- 16 ms that only a terminal needs

        with tqdm(items, total=total, desc=doing, unit=f" {unit}", dynamic_ncols=True) as bar:
            for item in bar:
                yield item
                if math.isfinite(limit := at_most()):
                    bar.set_postfix_str(f"at most {limit:.0f} s left", refresh=False)
        return
    started = last_line = time.monotonic()
    estimate = Estimate(total, now=started)
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last_line >= SECONDS_BETWEEN_LINES and done < total:
            last_line = now
            left, limit = estimate.left(done, now=now), at_most()
            if left is not None:
                rest = f", {min(left, limit):.0f} s left"
            else:
                rest = f", at most {limit:.0f} s left" if math.isfinite(limit) else ""
            rate = done / (now - started)
            logger.info("%s: %d of %d %s, %.1f/s%s", doing, done, total, unit, rate, rest)
