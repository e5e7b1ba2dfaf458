"""What a model stores of other methods: their part in its forecasts after the history, and its intervals."""

from dataclasses import dataclass

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, parse_frequency
from fleetcast.forecasting.members.calibration import Calibration
from fleetcast.forecasting.members.correction import Correction
from fleetcast.forecasting.members.steps import steps_after


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
        return steps_after(self.origin, stamps, parse_frequency(self.freq))

    @property
    def batch_key(self) -> tuple[object, ...]:
        """What must be equal in combinations that are computed together."""
        correction, calibration = self.correction, self.calibration
        of_correction = None if correction is None else (correction.path.size, correction.season)
        of_calibration = None if calibration is None else calibration.steps.tobytes()
        return self.freq, of_correction, of_calibration
