"""The combined forecast from a later end of the history: new paths of the same methods, the same weights."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fleetcast.errors import HistoryError
from fleetcast.evaluation.combined import correction_of
from fleetcast.evaluation.rolling_origin import PROPHET, FittedProphet, GlobalForecasts, compare
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import Correction, GriddedHistory
from fleetcast.forecasting.one_thread import ONE_THREAD

_ROUNDING: Final = 1e-4
"""How far Prophet's share may be from what the weights say, which an archive has to six digits."""


@ONE_THREAD
def continued(  # noqa: PLR0913, PLR0917 - a history, and what was chosen for its beginning
    stamps: Stamps,
    y: Vector,
    freq: str,
    earlier: Correction,
    weights: Mapping[str, float],
    prophet: FittedProphet | None,
    of_all: GlobalForecasts | None = None,
) -> Correction:
    """Return the correction after the readings `y` at ascending `stamps`, both of shape (N,), without NaN.

    `earlier` was made by the methods with these `weights` from a part of the readings; the new path has its
    length.  `prophet` is the model, of whatever age, with its residuals at all N readings; None if no method
    needs them.  `of_all` is the model of all customers, if it has a weight.

    Raises HistoryError where fewer than half of the steps have a reading, and where a method forecast
    earlier, but has too few readings now.
    """
    history = GriddedHistory.of(stamps, y, freq)
    if history is None:
        raise HistoryError(f"fewer than half of the steps of {freq!r} have a reading")
    length, last = earlier.path.size, int(stamps[-1])
    _, ahead = compare(history, y, [], 0, length, lambda _: prophet, tuple(weights), of_all, last)
    correction = correction_of(weights, ahead)
    if correction.share > earlier.share + _ROUNDING:
        missing = ", ".join(sorted(weights.keys() - ahead.paths.keys() - {PROPHET}))
        raise HistoryError(f"{history.y.size} steps of {freq!r} are too few for {missing}")
    if abs(correction.share - earlier.share) <= _ROUNDING:
        correction = replace(correction, share=earlier.share)
    return correction
