"""Applies a model's combination to its forecast: the part of other methods, and intervals from backtests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import Stamps, parse_frequency
from fleetcast.forecasting.horizon import Horizon
from fleetcast.forecasting.members import Calibration, Combination, corrected_rows, steps_after


def combined(horizon: Horizon, combination: Combination) -> Horizon:
    """Return the horizon with the correction, and the calibrated intervals, of its rows after the history."""
    ahead = combination.steps_ahead(horizon.rows.ds)
    if combination.correction is not None:
        horizon = replace(horizon, others=combination.correction.rows(ahead))
    if combination.calibration is None or horizon.deviations is None:
        return horizon
    around_yhat, around_trend = horizon.deviations
    own = [combination.calibration.offsets(ahead, share) for share in horizon.probabilities.values()]
    return replace(horizon, deviations=(np.where(ahead > 0, np.array(own), around_yhat), around_trend))


@dataclass(frozen=True, slots=True, eq=False)
class CombinedBatch:
    """The combinations of C models with one `batch_key`, for H rows of each; results equal `combined`'s."""

    combinations: Sequence[Combination]
    ahead: Matrix
    """Steps after the last reading, shape (C, H)."""

    @classmethod
    def of(cls, combinations: Sequence[Combination], ds: Stamps) -> Self:
        """Return the batch for the timestamps `ds`, shape (C, H)."""
        origin = np.array([combination.origin for combination in combinations])[:, None]
        return cls(combinations, steps_after(origin, ds, parse_frequency(combinations[0].freq)))

    def yhat(self, prophets: Matrix) -> Matrix:
        """Return the combined forecasts for those of Prophet's model, both of shape (C, H)."""
        if self.combinations[0].correction is None:
            return prophets
        corrections = [each.correction for each in self.combinations if each.correction is not None]
        share = np.array([correction.share for correction in corrections])[:, None]
        paths = np.array([correction.path for correction in corrections])
        return corrected_rows(share, paths, corrections[0].season, self.ahead).of(prophets)

    def around(self, probabilities: Mapping[str, float]) -> Matrix | None:
        """Return the distances of the quantiles from yhat, shape (C, Q, H); None if they are Prophet's own.

        Raises FutureError if a row is not after the last reading, where Prophet's own intervals apply.
        """
        calibrations = [each.calibration for each in self.combinations if each.calibration is not None]
        if not calibrations:
            return None
        if not (self.ahead > 0).all():
            raise FutureError("a timestamp is not after the last reading of one of the models")
        group = calibrations[0].groups(self.ahead)
        scales = np.take_along_axis(np.array([each.scales for each in calibrations]), group, 1)
        return np.asarray(scales[:, None] * _multiples(calibrations, probabilities)[:, :, None], np.float64)


def _multiples(calibrations: Sequence[Calibration], probabilities: Mapping[str, float]) -> Vector:
    """Return the multiples of each model and probability, shape (C, Q)."""
    return np.array([[each.multiple(share) for share in probabilities.values()] for each in calibrations])
