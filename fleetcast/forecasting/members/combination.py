"""What a model stores of other methods: their part in its forecasts after the history, and its intervals."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import Stamps, parse_frequency
from fleetcast.forecasting.members.calibration import Calibration
from fleetcast.forecasting.members.correction import Correction
from fleetcast.forecasting.members.steps import steps_after

_A_MOMENT: Final = 1e-9
"""Steps after the last reading of a later time within the same month, quarter or business day."""


def steps_ahead(origin: int | Stamps, stamps: Stamps, freq: str) -> Matrix:
    """Return how many steps after the last reading each timestamp is: above 0 for every later one."""
    ahead = steps_after(origin, stamps, parse_frequency(freq))
    return np.where((stamps > origin) & (ahead <= 0), _A_MOMENT, ahead)


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """A correction, a calibration or both; both count steps after the last reading."""

    origin: int
    """The last reading's time, in microseconds since 1970."""
    freq: str
    """The step, as a pandas alias."""
    correction: Correction | None = None
    """None where Prophet's model forecasts alone."""
    calibration: Calibration | None = None
    """None for Prophet's own intervals."""

    def steps_ahead(self, stamps: Stamps) -> Vector:
        """Return how many steps after the last reading each timestamp is, shape (N,)."""
        return steps_ahead(self.origin, stamps, self.freq)

    @property
    def batch_key(self) -> tuple[object, ...]:
        """What must be equal in combinations that are computed together."""
        correction, calibration = self.correction, self.calibration
        of_correction = None if correction is None else correction.path.size
        of_calibration = None if calibration is None else calibration.steps.tobytes()
        return self.freq, of_correction, of_calibration
