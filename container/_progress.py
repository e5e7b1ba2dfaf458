"""Progress of long work: a bar on a terminal, a log line every few seconds otherwise."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0


def progress(items: Iterable[T], *, total: int, doing: str) -> Iterator[T]:
    """Yield `items` and tell on stderr how far they are, at what rate, and how long the rest will take."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=doing, unit=" customers", dynamic_ncols=True)
        return
    started = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES and done < total:
            told = now
            rate = done / (now - started)
            left = (total - done) / rate
            logger.info("%s: %d of %d customers, %.1f/s, %.0f s left", doing, done, total, rate, left)
