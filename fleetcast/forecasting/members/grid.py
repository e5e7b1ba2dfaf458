"""A history with one value for each step of its frequency."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, parse_frequency
from fleetcast.forecasting.members.steps import Seasons, seasons_of, steps_after

MOST_STEPS: Final = 26 * 2016
"""Half a year of five-minute readings; a longer history is cut at its beginning, to bound its cost."""
_LEAST_SHARE: Final = 0.5
"""Least share of steps with a reading; with fewer, most values would be fillings of gaps."""
_LAST: Final = 200
"""Number of readings, the last ones, that show where in a step readings usually are."""
_LEAST_OFFSET: Final = 0.25
"""Least share of a step by which readings are usually off the last one's steps; jitter and clock changes are
less."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Readings at equal steps, gaps filled."""

    y: Vector
    """Shape (n,), without NaN; steps after the last reading repeat its value."""
    seasons: Seasons


@dataclass(frozen=True, slots=True)
class GriddedHistory:
    """A history, ascending in time, and the steps of its rows."""

    place: Stamps
    """The step of each row with a reading, shape (N,); below 0 for rows before the first step."""
    y: Vector
    """Shape (n,), NaN where a step has no reading."""
    seasons: Seasons

    @classmethod
    def of(cls, stamps: Stamps, y: Vector, freq: str) -> Self | None:
        """Return the history of readings `y` at ascending `stamps`, both of shape (N,), NaN left out.

        Several readings of one step become their mean.  Returns None where fewer than half of the steps have
        a reading.  Raises FutureError if `freq` is no frequency.
        """
        finite = np.isfinite(y)
        stamps, y = stamps[finite], y[finite]
        if not y.size:
            return None
        frequency = parse_frequency(freq)
        after = steps_after(int(stamps[-1]), stamps, frequency)
        position = np.rint(after - _offset(after)).astype(np.int64)
        first = max(int(position[0]), 1 - MOST_STEPS)
        place, n = position - first, 1 - first
        is_inside = place >= 0
        count = np.bincount(place[is_inside], minlength=n)
        if np.count_nonzero(count) < _LEAST_SHARE * n:
            return None
        with np.errstate(invalid="ignore"):
            values = np.bincount(place[is_inside], weights=y[is_inside], minlength=n) / count
        return cls(place, values, seasons_of(frequency))

    def without(self, effects: Vector) -> Self:
        """Return the history of readings less `effects`, shape (R,), in units of y, on its first R rows."""
        place = self.place[: effects.size]
        is_inside = place >= 0
        place, n = place[is_inside], self.y.size
        count = np.maximum(np.bincount(place, minlength=n), 1)
        return replace(self, y=self.y - np.bincount(place, weights=effects[is_inside], minlength=n) / count)

    def grid(self, n: int | None = None) -> Grid:
        """Return the first `n` steps, at least one with a reading; gaps are filled from these steps alone."""
        y = self.y if n is None else self.y[:n]
        last = int(np.flatnonzero(np.isfinite(y))[-1])
        filled = _filled(y[: last + 1], self.seasons)
        if last + 1 < y.size:
            filled = np.concatenate((filled, np.full(y.size - last - 1, filled[-1])))
        return Grid(filled, self.seasons)


def _offset(after: Vector) -> float:
    """Return how far after a whole step readings usually are, from -0.5 to 0.5; 0 if that is little.

    `after` counts steps after the last reading, which itself may have come late: every other reading would be
    halfway between two steps, and two of them in one.
    """
    turns = np.exp(2j * np.pi * after[-_LAST:]).sum()
    offset = float(np.angle(turns)) / (2 * np.pi)
    return offset if abs(offset) > _LEAST_OFFSET else 0.0


def _filled(y: Vector, seasons: Seasons) -> Vector:
    """Return y with its gaps filled: by the mean of a season before and a season after, else by a line."""
    if not np.isnan(y).any():
        return y
    y = y.copy()
    for season in (seasons.long, seasons.short):
        gaps = np.flatnonzero(np.isnan(y))
        if not season or not gaps.size or gaps.size == y.size:
            continue
        before = np.where(gaps >= season, y[np.maximum(gaps - season, 0)], np.nan)
        after_at = np.minimum(gaps + season, y.size - 1)
        after = np.where(gaps + season < y.size, y[after_at], np.nan)
        y[gaps] = np.where(np.isnan(before), after, np.where(np.isnan(after), before, (before + after) / 2))
    gaps = np.isnan(y)
    if gaps.any():
        y[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), y[~gaps])
    return y
