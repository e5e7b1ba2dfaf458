"""The last readings of a customer in its archive, so that a refresh needs the newer ones alone."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.calendar import Fixed, Stamps, Weekly, parse_frequency
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.readings.customer import Vector

MOST_STEPS: Final = 900
"""Most steps that are remembered: 3.6 KB."""
_ENTRY: Final = "last_readings"
_SAME: Final = 1e-5
"""Readings that differ by less than this share of their range are equal; float32 rounds them."""


class _Entry(msgspec.Struct):
    """What metadata.json has: values[i] + base is the reading at last - (n - 1 - i) · step."""

    last: int
    """In microseconds since 1970."""
    step: int
    """In microseconds."""
    base: float
    values: str
    """Base64 of n little-endian float32, NaN for a step without a reading."""


@dataclass(frozen=True, slots=True)
class LastReadings:
    """Readings at equal steps, the latest last."""

    last: int
    """The time of the last one, in microseconds since 1970."""
    step: int
    """In microseconds."""
    y: Vector
    """Shape (n,), NaN for a step without a reading."""

    @classmethod
    def of(cls, stamps: Stamps, y: Vector, freq: str) -> Self | None:
        """Return the last readings of a history, ascending in time; None without steps of equal length."""
        step, history = _step(freq), GriddedHistory.of(stamps, y, freq)
        if step is None or history is None:
            return None
        return cls(int(stamps[-1]), step, history.y[-MOST_STEPS:])

    @classmethod
    def in_metadata(cls, metadata: Mapping[str, Any], freq: str, origin: int) -> Self | None:
        """Return the readings up to `origin` that an archive has, which anybody may have written, or None."""
        try:
            entry = msgspec.convert(metadata.get(_ENTRY), _Entry)
            values = np.frombuffer(b64decode(entry.values, validate=True), "<f4")
            step = _step(freq)
        except (msgspec.ValidationError, binascii.Error, ValueError, FutureError):
            return None
        y = values.astype(np.float64) + entry.base
        is_usable = (
            (entry.last, entry.step) == (origin, step) and 0 < y.size <= MOST_STEPS and np.isfinite(y[-1])
        )
        return cls(entry.last, entry.step, y) if is_usable else None

    def entry(self) -> dict[str, Any]:
        """Return what metadata.json has of them."""
        base = float(self.y[-1])
        values = b64encode((self.y - base).astype("<f4").tobytes()).decode()
        return {_ENTRY: msgspec.to_builtins(_Entry(self.last, self.step, base, values))}

    def before(self, stamps: Stamps, y: Vector) -> tuple[Stamps, Vector, int]:
        """Return the readings at steps for which a history has none: their times and values.

        Also returns how many readings of the history, `y` at `stamps`, differ from these at the same step.
        """
        steps = np.arange(1 - self.y.size, 1)
        place = np.rint((stamps - self.last) / self.step).astype(np.int64)
        kept = np.isfinite(self.y) & ~np.isin(steps, place)
        is_both = (place >= steps[0]) & (place <= 0)
        own = self.y[place[is_both] - steps[0]]
        range_of_all = float(np.nanmax(self.y) - np.nanmin(self.y))
        different = np.abs(own - y[is_both]) > _SAME * range_of_all + _SAME * np.abs(own)
        return self.last + steps[kept] * self.step, self.y[kept], int(np.count_nonzero(different))


def _step(freq: str) -> int | None:
    """Return the length of a step in microseconds; None where steps differ in length, as months do."""
    frequency = parse_frequency(freq)
    return frequency.least if isinstance(frequency, Fixed | Weekly) else None
