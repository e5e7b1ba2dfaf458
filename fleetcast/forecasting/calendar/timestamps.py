"""Timestamps as whole microseconds since 1970, which hold the years 1 to 9999 with exact differences."""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Stamps: TypeAlias = NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOT_A_TIME = np.iinfo(np.int64).min
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last of 9999, in days since 1970."""
_TOO_FINE = ("ns", "ps", "fs", "as")
"""Units of datetime64 whose range is within the years 1 to 9999."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?", re.ASCII)
_BEGINNING = re.compile(r"\d{4}(-|$)|NaT$|$", re.ASCII)
"""How a text must begin for NumPy to parse it: NumPy takes "20240101" for a year and "today" for a date."""
_ACCEPTED = "dates without a time zone: datetime64, datetime, or ISO 8601 text"


def microseconds(values: ArrayLike, *, name: str = "ds") -> Stamps:
    """Return timestamps as microseconds since 1970, shape (N,); finer digits are truncated.

    Raises ValueError, which begins with `name`, for time zones, missing timestamps, years outside 1 to 9999,
    and values that are no dates.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"{name} must hold {_ACCEPTED}, one for each row") from error
    if array.dtype.kind != "M":
        array = _parsed(array, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {array.shape}")
    if not array.size:
        return np.empty(0, np.int64)
    first = int(array.view(np.int64).min())
    if first == NOT_A_TIME:
        raise ValueError(f"{name} has missing timestamps (NaT); each row needs one")
    low, high = _limits(array.dtype)
    if not low <= first <= int(array.view(np.int64).max()) < high:
        raise ValueError(f"{name} must lie in the years 1 to 9999")
    return array.astype("datetime64[us]").view(np.int64)


@lru_cache
def _limits(unit: np.dtype[Any]) -> tuple[int, int]:
    """Return the first instants of the years 1 and 10000 in the unit of this type."""
    if np.datetime_data(unit)[0] in _TOO_FINE:
        return NOT_A_TIME, -NOT_A_TIME
    first, after = np.datetime64(FIRST_DAY, "D"), np.datetime64(LAST_DAY + 1, "D")
    return int(first.astype(unit).astype(np.int64)), int(after.astype(unit).astype(np.int64))


def _parsed(array: NDArray[np.generic], name: str) -> NDArray[np.datetime64]:
    """Return texts or objects as dates; raises ValueError."""
    if array.dtype.kind not in "OUST":
        raise ValueError(f"{name} must hold {_ACCEPTED}; not {array.dtype} values")
    items = array.ravel().tolist()
    if any(getattr(item, "tzinfo", None) is not None for item in items):
        raise ValueError(
            f"{name} has a time zone, which Prophet does not support; {name} must hold {_ACCEPTED}"
        )
    for item in items:
        if isinstance(item, str) and not _BEGINNING.match(item):
            raise ValueError(f"{name} must hold {_ACCEPTED}; not {item[:40]!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns about "Z" and "+01:00"
            return np.array(items, dtype="datetime64[us]").reshape(array.shape)
    except (ValueError, TypeError, OverflowError, Warning) as error:
        raise ValueError(f"{name} must hold {_ACCEPTED} ({error})") from error


def least_step(stamps: Stamps) -> int:
    """Return the smallest step between neighbours; below 0 if the timestamps do not ascend."""
    return int((stamps[1:] - stamps[:-1]).min())


def datetimes(stamps: Stamps) -> NDArray[np.datetime64]:
    """Return the same instants as datetime64[us], sharing memory."""
    return stamps.view("datetime64[us]")


def years(stamps: Stamps) -> Stamps:
    """Return the calendar year of each timestamp."""
    return datetimes(stamps).astype("datetime64[Y]").astype(np.int64) + 1970


def iso(stamps: Stamps) -> list[str]:
    """Return ISO 8601 texts with milliseconds, as pandas does, or with microseconds if one needs them."""
    unit: Literal["ms", "us"] = "us" if np.any(stamps % 1000) else "ms"
    texts: list[str] = np.datetime_as_string(datetimes(stamps), unit=unit).tolist()
    return texts


def from_iso(texts: Sequence[str]) -> Stamps:
    """Return the timestamps of ISO 8601 texts as any version of pandas writes them (with or without "Z").

    Raises ValueError for any other text.
    """
    plain = [text.removesuffix("Z").removesuffix("+00:00") for text in texts]
    if not all(map(_ISO.fullmatch, plain)):
        raise ValueError("dates must be ISO 8601 texts without a time zone")
    return np.array(plain, dtype="datetime64[us]").view(np.int64)
