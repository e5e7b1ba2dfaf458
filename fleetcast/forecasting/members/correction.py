"""Turns Prophet's forecast after the last reading into the weighted mean of several methods."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector

MOST_PATH: Final = 1_000
"""Most steps of a path, so that an archive stays below 10 KB."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedRows:
    """The correction of H rows of a forecast: each becomes share · yhat + path, both of shape (H,)."""

    share: Matrix
    path: Matrix
    applies: Flags
    """Whether a row is one of the path's; other rows keep yhat."""

    def of(self, yhat: Matrix) -> Matrix:
        """Return the combined forecast, shape (H,)."""
        return self.share * yhat + self.path

    def plus(self, effects: Vector) -> Self:
        """Return the correction that adds `effects` too, in units of y, shape (H,)."""
        return replace(self, path=np.where(self.applies, self.path + effects, self.path))


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """The other methods' part of a combined forecast, step by step after the last reading.

    h steps after the last reading the forecast is share · yhat + path(h) + effects · e, with the model's own
    yhat and its effects e of holidays and regressors at that time.  Between two steps the path is a straight
    line.  After its end the forecast is yhat: the methods beside Prophet have no trend that holds for long.
    """

    share: float
    """The model's own weight, from 0 to 1."""
    path: Vector
    """In units of y, for 1, 2, ... steps ahead, shape (T,)."""
    effects: float = 0.0
    """Weight of the methods that forecast readings without the effects of holidays and regressors."""

    def rows(self, ahead: Vector) -> CorrectedRows:
        """Return the correction of rows that are `ahead` steps after the last reading, shape (N,).

        Rows that are not ahead, such as those of the history, keep yhat.  The effects are still to be added.
        """
        return corrected_rows(self.share, self.path, ahead)


def corrected_rows(share: Matrix | float, path: Matrix, ahead: Matrix) -> CorrectedRows:
    """Return the correction of one model, or of C models, for rows `ahead` steps after the last reading.

    For one model the path is of shape (T,), `ahead` and the result (H,); for C models (C, T) and (C, H), and
    their shares (C, 1).  Between the last reading and step 1 the path has its value of step 1.
    """
    whole = np.floor(ahead)
    part = ahead - whole
    value = _at(path, whole) * (1 - part)
    if part.any():
        value += _at(path, whole + 1) * part
    applies = (ahead > 0) & (ahead <= path.shape[-1])
    return CorrectedRows(np.where(applies, share, 1.0), np.where(applies, value, 0.0), applies)


def _at(path: Matrix, step: Matrix) -> Matrix:
    """Return the path at whole steps, at the nearest one beyond its ends."""
    index = np.clip(step, 1.0, path.shape[-1]).astype(np.int64) - 1
    return np.asarray(np.take_along_axis(path, index, -1), np.float64)
