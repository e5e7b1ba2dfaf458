"""Whether calibrated intervals cover what they promise, judged on backtests that did not make them."""

from typing import Final

import numpy as np

from fleetcast.evaluation.calibrate import calibrated
from fleetcast.evaluation.metrics import interval_coverage
from fleetcast.forecasting.arrays import Matrix

PROBABILITIES: Final = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the intervals whose coverage is measured."""


def held_out_coverage(errors: Matrix, group_steps: int) -> dict[float, float]:
    """Return which share of the errors is within calibrated intervals of each probability, from 0 to 1.

    `errors` and `group_steps` are those of `calibrated`.  The intervals for a backtest come from the errors
    of the other backtests alone, so a single backtest has none, nor one whose others have too few errors;
    the result is empty if that holds for all.  Neighbouring backtests forecast some of the same readings,
    and each had a part in the weights of the others: expect slightly less coverage of new readings.
    """
    bounds, inside = [], []
    ahead = np.arange(1.0, errors.shape[1] + 1)
    for row in range(len(errors)):
        calibration = calibrated(np.delete(errors, row, axis=0), group_steps)
        if calibration is None:
            continue
        is_known = np.isfinite(errors[row])
        inside.append(errors[row, is_known])
        bounds.append(
            [
                [calibration.offsets(ahead[is_known], share) for share in ((1 - p) / 2, (1 + p) / 2)]
                for p in PROBABILITIES
            ]
        )
    if not inside:
        return {}
    pooled = np.concatenate(inside)
    return {
        probability: interval_coverage(
            pooled,
            np.concatenate([each[place][0] for each in bounds]),
            np.concatenate([each[place][1] for each in bounds]),
        )
        for place, probability in enumerate(PROBABILITIES)
    }
