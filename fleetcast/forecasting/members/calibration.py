"""Intervals from the errors that backtests made, by how far ahead they were."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Errors by coverage and by steps ahead; a quantile of a forecast is yhat plus one of them.

    The bounds of the interval with coverage c, h steps ahead, are yhat + scale(h) · lower(c) and
    yhat + scale(h) · upper(c), with lower and upper on straight lines between the coverages listed.
    """

    steps: Vector
    """The last step ahead of each group of steps, shape (G,), ascending; the last has all later ones."""
    scales: Vector
    """Size of an error in each group, in units of y, shape (G,), not descending."""
    coverages: Vector
    """From 0 upwards, shape (L,); above the last one the interval grows no further."""
    lower: Vector
    """Multiples of the scale, at most 0, shape (L,), not ascending."""
    upper: Vector
    """Multiples of the scale, at least 0, shape (L,), not descending."""

    def offsets(self, ahead: Vector, probability: float) -> Vector:
        """Return the distance of a quantile from yhat, in units of y, shape (N,).

        `ahead`, shape (N,), are steps after the last reading.  The distance never falls with the probability.
        """
        return np.asarray(self.scales[self.groups(ahead)] * self.multiple(probability), np.float64)

    @property
    def horizon(self) -> float:
        """The last step of the backtests; what is known of later ones is that they are not more certain."""
        return float(self.steps[-1])

    def groups(self, ahead: Matrix) -> NDArray[np.intp]:
        """Return the index of the group of each number of steps ahead, in the shape of `ahead`."""
        return np.searchsorted(self.steps, ahead).clip(max=self.steps.size - 1)

    def multiple(self, probability: float) -> float:
        """Return the distance of a quantile from yhat, in multiples of the scale."""
        side = self.lower if probability < 0.5 else self.upper  # noqa: PLR2004 - the median
        return float(np.interp(abs(2 * probability - 1), self.coverages, side))
