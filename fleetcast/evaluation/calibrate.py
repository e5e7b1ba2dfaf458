"""Intervals from the errors of backtests: split conformal prediction.

Neighbouring errors of a backtest are alike, so n of them count as k = n / (1 + 2 Σ r(j)) independent ones,
where r(j) is their correlation over j steps and the sum ends before the first that is not above 0.  The bound
with coverage c is the quantile c of the errors, in units of their mean size that many steps ahead, times
√(1 + 2/k): their size is estimated from k errors only, and the next forecast's error is not among them.  Half
of each bound comes from the errors on its own side of the forecast, because errors of loads are skewed.

Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world"; Lei, G'Sell, Rinaldo, Tibshirani
and Wasserman (2018), "Distribution-free predictive inference for regression", JASA 113(523).  The end of the
sum is that of Geyer (1992), "Practical Markov chain Monte Carlo", Statistical Science 7(4), section 3.3.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.members import Calibration

COVERAGES: Final = np.array((0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0))
_MOST_GROUPS: Final = 7
"""Most groups of steps: the days of a week of hours."""
_LEAST_GROUP: Final = 6
"""Fewest steps of a group; fewer have too few errors for a scale of their own."""
_TOWARDS_MEAN: Final = 0.75
"""Weight of the mean error of all groups in the geometric mean that is a group's scale."""
_DECIMALS: Final = 5
_LEAST_ERRORS: Final = 8
"""Fewest errors that have intervals, and fewest of one side that affect its bound."""
_ONE_SIDED: Final = 0.5
"""Weight of a side's own errors in its bound; the rest is the same on both sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """What other customers' errors say about those of one customer."""

    size: float
    """Their mean size, in units of the customer's y."""
    independent: float
    """The number of independent errors of the customer that they count as."""
    lower: Vector
    """Bounds of intervals by coverage, in multiples of the size, at least 0, shape (L,)."""
    upper: Vector


def calibrated(errors: Matrix, group_steps: int, pooled: Pooled | None = None) -> Calibration | None:
    """Return intervals from the errors of backtests; None for fewer than 8 errors, or if all are 0.

    `errors` are y - yhat by backtest and steps ahead, shape (C, H), NaN at steps without a reading; the
    weights of a backtest must be chosen without it, or its errors are too small.  Groups of about
    `group_steps` steps, such as a day's, share a scale: at least 6 steps each, and at most 7 groups.

    With `pooled` a single error suffices.  Bounds are then means of the customer's own and the pooled ones,
    and scales are not below the geometric mean of both sizes: the fewer errors are its own, the more the
    pooled ones count.  A customer that errs more than others keeps its own size.
    """
    if np.count_nonzero(np.isfinite(errors)) < (_LEAST_ERRORS if pooled is None else 1):
        return None
    horizon = errors.shape[1]
    ends = _group_ends(horizon, group_steps)
    scales = _scales(errors, ends)
    if not scales[-1] > 0:
        return None
    relative = errors / np.repeat(scales, np.diff(ends, prepend=0).astype(np.int64))
    k = _independent(relative)
    lower, upper = error_shape(relative)
    if pooled is not None:
        share = k / (k + pooled.independent)
        scales *= max(pooled.size / float(np.nanmean(np.abs(errors))), 1.0) ** (1 - share)
        lower, upper = (
            share * own + (1 - share) * others
            for own, others in ((lower, pooled.lower), (upper, pooled.upper))
        )
        k += pooled.independent
    widening = np.sqrt(1 + 2 / k)
    return Calibration(
        ends.astype(np.float64),
        np.array([float(f"{scale:.6g}") for scale in scales.tolist()]),
        COVERAGES,
        np.round(-lower * widening, _DECIMALS),
        np.round(upper * widening, _DECIMALS),
    )


def error_shape(relative: Matrix) -> tuple[Vector, Vector]:
    """Return the bounds of intervals by coverage, at least 0, as distances below and above the forecast.

    `relative`, shape (C, H), are errors, in any unit, NaN at steps without a reading.
    """
    z = relative[np.isfinite(relative)]
    both = _quantiles(np.abs(z))
    return _mixed(np.abs(z[z < 0]), both), _mixed(np.abs(z[z > 0]), both)


def _group_ends(horizon: int, group_steps: int) -> Vector:
    size = max(group_steps, _LEAST_GROUP)
    groups = min(max(horizon // size, 1), _MOST_GROUPS)
    return np.array([len(part) for part in np.array_split(np.arange(horizon), groups)]).cumsum()


def _scales(errors: Matrix, ends: Vector) -> Vector:
    """Return the scale of each group of steps, in units of y, shape (G,), not descending.

    It is the group's mean absolute error, moved towards that of all groups.
    """
    size = np.abs(errors)
    overall = float(np.nanmean(size))
    starts = np.concatenate(([0], ends[:-1]))
    means = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        part = size[:, start:end]
        part = part[np.isfinite(part)]
        mean = float(part.mean()) if part.size else 0.0
        means.append(mean ** (1 - _TOWARDS_MEAN) * overall**_TOWARDS_MEAN if mean > 0 else overall)
    return np.maximum.accumulate(np.array(means))


def _independent(relative: Matrix) -> float:
    """Return the number of independent errors that these count as, at least 1.

    `relative`, shape (C, H), has NaN at steps without a reading, and is not all 0.  Correlations are about 0
    and not about the mean: errors that are all on one side are alike.
    """
    is_known = np.isfinite(relative)
    products, pairs = _lagged(np.where(is_known, relative, 0.0)), _lagged(is_known.astype(np.float64))
    end = int(np.argmin(np.append(products, 0.0) > 0))
    apart = np.arange(1, end)
    correlations = products[1:end] / pairs[1:end] * (pairs[0] / products[0])
    return max(float(pairs[0] / (1 + 2 * np.sum(correlations * (1 - apart / relative.shape[1])))), 1.0)


def _lagged(rows: Matrix) -> Vector:
    """Return the sum of the products of values in one row that are j columns apart, for j from 0 upwards."""
    return sum((np.correlate(row, row, "full")[row.size - 1 :] for row in rows), np.zeros(rows.shape[1]))


def _quantiles(sizes: Vector) -> Vector:
    """Return the order statistics (n + 1) c of n sizes for each coverage c, joined by straight lines."""
    place = np.clip(COVERAGES * (sizes.size + 1) - 1, 0, sizes.size - 1)
    return np.asarray(np.interp(place, np.arange(sizes.size), np.sort(sizes)), np.float64)


def _mixed(sizes: Vector, both: Vector) -> Vector:
    if sizes.size < _LEAST_ERRORS:
        return both
    return _ONE_SIDED * _quantiles(sizes) + (1 - _ONE_SIDED) * both
