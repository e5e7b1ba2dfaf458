"""Applies a model's combination to its forecast: the part of other methods, and intervals from backtests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import FutureError
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.horizon import Horizon
from fleetcast.forecasting.members import Combination, corrected_rows, steps_ahead


def combined(horizon: Horizon, combination: Combination, effects: Callable[[], Vector]) -> Horizon:
    """Return the horizon with the correction, and the calibrated intervals, of its rows after the history.

    `effects` returns those of holidays and regressors on each row, shape (H,), in units of y.
    """
    ahead = combination.steps_ahead(horizon.rows.ds)
    if combination.correction is not None:
        others = combination.correction.rows(ahead)
        if combination.correction.effects:
            others = others.plus(combination.correction.effects * effects())
        horizon = replace(horizon, others=others)
    calibration = combination.calibration
    if calibration is None or horizon.deviations is None:
        return horizon
    around_yhat, around_trend = horizon.deviations
    own = np.array([calibration.offsets(ahead, share) for share in horizon.probabilities.values()])
    own = _not_narrower(own, around_yhat, ahead > calibration.horizon)
    return replace(horizon, deviations=(np.where(ahead > 0, own, around_yhat), around_trend))


def _not_narrower(own: Matrix, prophets: Matrix, is_beyond: NDArray[np.bool_]) -> Matrix:
    """Return the distances of quantiles, beyond the backtests' horizon at least as far out as Prophet's."""
    farther = np.where(prophets < 0, np.minimum(own, prophets), np.maximum(own, prophets))
    return np.where(is_beyond, farther, own)


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
        return cls(combinations, steps_ahead(origin, ds, combinations[0].freq))

    def yhat(self, prophets: Matrix) -> Matrix:
        """Return the combined forecasts for those of Prophet's model, both of shape (C, H)."""
        corrections = [each.correction for each in self.combinations if each.correction is not None]
        if not corrections:
            return prophets
        share = np.array([correction.share for correction in corrections])[:, None]
        paths = np.array([correction.path for correction in corrections])
        return corrected_rows(share, paths, self.ahead).of(prophets)

    def around(self, probabilities: Mapping[str, float], prophets: Callable[[], Matrix]) -> Matrix:
        """Return the distances of the quantiles from yhat, shape (C, Q, H); `prophets` computes Prophet's.

        Raises FutureError if a row of a model with calibrated intervals is not after its history.
        """
        calibrations = [each.calibration for each in self.combinations if each.calibration is not None]
        if not calibrations:
            return prophets()
        if not (self.ahead > 0).all():
            raise FutureError("a timestamp is not after the last reading of one of the models")
        multiples = [[each.multiple(share) for share in probabilities.values()] for each in calibrations]
        group = calibrations[0].groups(self.ahead)
        scales = np.take_along_axis(np.array([each.scales for each in calibrations]), group, 1)
        own = scales[:, None] * np.array(multiples)[:, :, None]
        is_beyond = (self.ahead > calibrations[0].horizon)[:, None]
        return _not_narrower(own, prophets(), is_beyond) if is_beyond.any() else own
