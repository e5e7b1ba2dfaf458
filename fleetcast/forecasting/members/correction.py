"""What turns a model's forecast after its last reading into the forecast of several methods together."""

from dataclasses import dataclass

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, parse_frequency
from fleetcast.forecasting.members.steps import Steps


@dataclass(frozen=True, slots=True)
class Correction:
    """The other methods' part of a combined forecast, step by step after the last reading.

    h steps ahead the forecast is share · yhat + path(h), with the model's own yhat.  Between two steps the
    path is a straight line; after its end its last season repeats.
    """

    origin: int
    """The last reading's time, in microseconds since 1970."""
    freq: str
    """The step, as a pandas alias."""
    share: float
    """The model's own weight, from 0 to 1."""
    path: Vector
    """In units of y, for 1, 2, ... steps ahead, shape (T,)."""
    season: int
    """How many of the last steps repeat, from 1 to T."""

    def steps_ahead(self, stamps: Stamps) -> Vector:
        """Return how many steps after the last reading each timestamp is, shape (N,)."""
        return Steps(self.origin, parse_frequency(self.freq)).positions(stamps)

    def corrected(self, yhat: Vector, ahead: Vector) -> Vector:
        """Return the combined forecast of rows so many steps ahead, all of shape (N,); others keep yhat."""
        last = self.path.size
        whole = np.floor(ahead)
        part = ahead - whole
        value = self._at(whole) * (1 - part)
        if part.any():
            value += self._at(whole + 1) * part
        return np.where(ahead > 0, self.share * yhat + value, yhat) if last else yhat

    def _at(self, step: Vector) -> Vector:
        """Return the path at whole steps; before the first step it is the first step's."""
        beyond = step > self.path.size
        index = np.maximum(step, 1.0) - 1
        turn = self.path.size - self.season
        index = np.where(beyond, turn + (index - turn) % self.season, index)
        return np.asarray(self.path[index.astype(np.int64)], np.float64)
