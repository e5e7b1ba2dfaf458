"""Offsets of named time zones, such as Europe/Berlin, from UTC."""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

DAY = 86_400_000_000
HOUR = 3_600_000_000
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a local time of whatever zone is asked for

GAP = "is a time that clocks of its zone skip when they go forward"
UNKNOWN = "names a zone that is not known; write an offset such as +01:00 or a name such as Europe/Berlin"
OVERLAP = "is a time that clocks of its zone show twice when they go back; write the offset"


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    if name in ("UTC", "GMT"):
        return ZoneInfo("UTC")
    if "/" not in name or name.startswith(("posix/", "right/")):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def is_known(name: str) -> bool:
    """Return whether the time zone database has a zone with this name, such as Europe/Berlin."""
    return _zone(name) is not None


def offsets(local: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two offsets by which `local` times are ahead of UTC; all in microseconds, shape (times,).

    The first is the offset before a change of the clocks, the second the one after it.  They are equal except
    for times that clocks skip (the second is larger) or show twice (the first is larger).  Raises LookupError
    for an unknown zone.
    """
    zone = _zone(name)
    if zone is None:
        raise LookupError(name)
    days, day = np.unique(local // DAY, return_inverse=True)
    bounds = [_both(number * DAY, zone) + _both((number + 1) * DAY, zone) for number in days.tolist()]
    of_day = np.array(bounds, np.int64).reshape(-1, 4)
    before = of_day[day, 0]
    after = before.copy()
    changes = (of_day != of_day[:, :1]).any(axis=1)
    for row in np.flatnonzero(changes[day]).tolist():
        before[row], after[row] = _both(int(local[row]), zone)
    return before, after


def _both(local: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the offsets before and after a change of the clocks; equal if there is no change."""
    moment = EPOCH + local * MICROSECOND
    early, late = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return (early or timedelta()) // MICROSECOND, (late or timedelta()) // MICROSECOND
