"""Whether calibrated intervals cover what they promise, judged on backtests that did not make them."""

from typing import Final

import numpy as np

from fleetcast.evaluation.calibrate import Pooled, calibrated
from fleetcast.evaluation.metrics import interval_coverage
from fleetcast.forecasting.arrays import Matrix

PROBABILITIES: Final = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the intervals whose coverage is measured."""


def held_out_coverage(
    errors: Matrix, group_steps: int, *, least: Matrix, pooled: Pooled | None = None
) -> dict[float, float]:
    """Return which share of the errors is within calibrated intervals of each probability, from 0 to 1.

    `errors`, `group_steps` and `pooled` are those of `calibrated`.  `least`, in the shape of the errors, is
    the least bound that can be served, in units of y from the forecast.

    The intervals for a backtest come from the errors of the other backtests alone, so a single backtest has
    none, nor one whose others have too few errors; the result is empty if that holds for all.  Neighbouring
    backtests forecast some of the same readings, and each had a part in the weights of the others: expect
    slightly less coverage of new readings.
    """
    shares = [share for p in PROBABILITIES for share in ((1 - p) / 2, (1 + p) / 2)]
    bounds = np.full((len(shares), *errors.shape), np.nan)
    ahead = np.arange(1.0, errors.shape[1] + 1)
    for row in range(len(errors)):
        calibration = calibrated(np.delete(errors, row, axis=0), group_steps, pooled)
        if calibration is not None:
            multiples = [calibration.multiple(share) for share in shares]
            bounds[:, row] = np.multiply.outer(multiples, calibration.scales[calibration.groups(ahead)])
    is_judged = np.isfinite(errors) & np.isfinite(bounds[0])
    if not is_judged.any():
        return {}
    judged, bounds = errors[is_judged], np.maximum(bounds[:, is_judged], least[is_judged])
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return {p: interval_coverage(judged, *pair) for p, pair in zip(PROBABILITIES, pairs, strict=True)}
