"""A customer's readings as a global model sees them: at equal steps, with a short and a long cycle."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import DAY, Fixed, Stamps, Weekly, parse_frequency
from fleetcast.forecasting.members import GriddedHistory, Seasons

_SHORT_CYCLES: Final = 4
"""Short cycles in a long one where the readings have no long season."""
_WEEKS_OF_A_YEAR: Final = 52
_MONTH_OF_WEEKS: Final = 4


@dataclass(frozen=True, slots=True)
class Cycles:
    """How far back earlier readings are looked up, in steps."""

    short: int
    """A day of hourly readings, a week of daily ones, four weeks of weekly ones."""
    long: int
    """A week of hourly readings, four weeks of daily ones, a year of weekly ones."""

    @classmethod
    def of(cls, seasons: Seasons) -> Self | None:
        """Return the cycles of readings with these seasons; None without a season."""
        if seasons.long:
            return cls(seasons.short, seasons.long)
        if seasons.short == _WEEKS_OF_A_YEAR:
            return cls(_MONTH_OF_WEEKS, _WEEKS_OF_A_YEAR)
        return cls(seasons.short, _SHORT_CYCLES * seasons.short) if seasons.short else None


def step_length(freq: str) -> int | None:
    """Return the length of a step in microseconds; None where steps differ in length, as months do.

    Raises FutureError if `freq` is no frequency.
    """
    match parse_frequency(freq):
        case Fixed(step):
            return step
        case Weekly(count, _):
            return 7 * DAY * count
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Series:
    """A history at equal steps, and the time of each step."""

    history: GriddedHistory
    cycles: Cycles
    last: int
    """Time of the last step, in microseconds since 1970."""
    step: int
    """Length of a step, in microseconds."""

    @classmethod
    def of(cls, history: GriddedHistory | None, last: int, freq: str) -> Self | None:
        """Return the series of a history whose last reading is at the time `last`, in µs since 1970.

        Returns None without a history, where steps differ in length, as months and business days do, and
        where they have no season.  Raises FutureError if `freq` is no frequency.
        """
        length = step_length(freq)
        cycles = None if history is None else Cycles.of(history.seasons)
        if history is None or cycles is None or length is None:
            return None
        return cls(history, cycles, last, length)

    @property
    def y(self) -> Vector:
        """The readings, shape (n,), NaN where a step has none."""
        return self.history.y

    def times(self, steps: Stamps) -> Stamps:
        """Return the times of steps, the first of the history being 0, in microseconds since 1970."""
        return np.asarray(self.last + (steps - (self.y.size - 1)) * self.step, np.int64)
