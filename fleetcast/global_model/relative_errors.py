"""How far forecasts of a global model miss, in units of a customer's scale: the source of its intervals."""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, Self

import msgspec
import numpy as np
from msgspec import Meta

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import Calibration

LEAST_ERRORS: Final = 200
"""Fewest errors that have intervals: of fewer, hardly one lies beyond the bounds with coverage 0.99."""
_LEAST_OF_GROUP: Final = 50
"""Fewest errors of a group of steps; a smaller group joins the next one."""
_GROUPS_OF_CYCLE: Final = 8
"""The first group is this share of a short cycle, and each next one ends twice as far ahead."""
_COVERAGES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
_LENGTHS: Final = (3.0, 7.0, 14.0)
"""Short cycles of readings for which the size of errors is known apart."""
_DIGITS: Final = 6

_Numbers = Annotated[tuple[float, ...], Meta(min_length=1, max_length=100)]


class Errors(NamedTuple):
    """R errors (y - yhat) / q."""

    values: Vector
    """Shape (R,)."""
    ahead: Stamps
    """Steps after the last reading, shape (R,)."""
    readings: Vector
    """Number of readings before it, in short cycles, shape (R,)."""

    @classmethod
    def together(cls, parts: Sequence["Errors"]) -> Self:
        """Return the errors of several parts, at least one, in their order."""
        values, ahead, readings = zip(*parts, strict=True)
        return cls(np.concatenate(values), np.concatenate(ahead), np.concatenate(readings))

    def up_to(self, horizon: int) -> "Errors":
        """Return those up to so many steps ahead: other rows are of customers with a longer horizon."""
        is_within = self.ahead <= horizon
        return Errors(self.values[is_within], self.ahead[is_within], self.readings[is_within])

    def at_most(self, number: int) -> "Errors":
        """Return them all, or if they are more than `number` every second one, every third, and so on."""
        step = -(-self.values.size // number) or 1
        return Errors(self.values[::step], self.ahead[::step], self.readings[::step])


class RelativeErrors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of `Calibration`, in units of the scale q of a customer's readings, and what q lacks.

    The fewer readings q is computed from, the less it says about the size of an error.
    """

    steps: _Numbers
    scales: _Numbers
    coverages: _Numbers
    lower: _Numbers
    upper: _Numbers
    lengths: _Numbers
    """Short cycles of readings, ascending."""
    factors: _Numbers
    """What the scales are multiplied by for histories of these lengths; a straight line between two."""

    def __post_init__(self) -> None:
        """Raise ValueError if these are no intervals that widen with their coverage."""
        steps, scales, coverages, lower, upper, lengths, factors = map(
            np.array, msgspec.structs.astuple(self)
        )
        is_one_table = (
            steps.size == scales.size
            and coverages.size == lower.size == upper.size
            and lengths.size == factors.size
        )
        if not is_one_table or not np.isfinite(np.concatenate((steps, scales, lower, upper, factors))).all():
            raise ValueError("the columns of relative errors must be as long as each other, and finite")
        is_widening = all((np.diff(each) >= 0).all() for each in (steps, scales, coverages, -lower, upper))
        is_around_zero = coverages[0] == 0 and coverages[-1] <= 1 and lower[0] <= 0 <= upper[0]
        are_factors = (np.diff(lengths) > 0).all() and min(scales[0], factors.min()) >= 0
        if not (is_widening and is_around_zero and are_factors):
            raise ValueError("the bounds of relative errors must widen with coverage and steps, around 0")

    @classmethod
    def of(cls, errors: Vector, ahead: Stamps, readings: Vector, *, horizon: int, cycle: int) -> Self | None:
        """Return the table of R errors (y - yhat) / q; None for fewer than 200.

        `ahead`, shape (R,), are steps after the last reading, at most the horizon; `readings`, shape (R,), is
        the number of readings before it in short cycles of `cycle` steps.  Bounds are quantiles of the
        errors, in units of their mean size in a group of steps and for a length of the history.  The
        forecasts must be of customers, or of times, that did not train the model.
        """
        if errors.size < LEAST_ERRORS:
            return None
        sizes = np.abs(errors)
        factors = _factors(sizes, readings)
        sizes = sizes / np.interp(readings, _LENGTHS, factors)
        steps = _group_ends(ahead, horizon, cycle)
        group = np.searchsorted(steps, ahead)
        scales = np.maximum.accumulate(np.bincount(group, sizes) / np.bincount(group))
        coverages = np.array(_COVERAGES)
        multiples = np.copysign(sizes, errors) / np.where(scales > 0, scales, 1.0)[group]
        lower, upper = (np.quantile(multiples, (1 + side * coverages) / 2) for side in (-1, 1))
        return cls(
            steps=tuple(map(float, steps)),
            scales=_rounded(scales),
            coverages=_COVERAGES,
            lower=_rounded(np.minimum(lower, 0.0) * (coverages > 0)),
            upper=_rounded(np.maximum(upper, 0.0) * (coverages > 0)),
            lengths=_LENGTHS,
            factors=_rounded(factors),
        )

    def times(self, scale: float, readings: float) -> Calibration:
        """Return the intervals of a customer with this q, and readings of so many short cycles."""
        factor = scale * float(np.interp(readings, self.lengths, self.factors))
        return Calibration(
            np.array(self.steps),
            np.array(self.scales) * factor,
            np.array(self.coverages),
            np.array(self.lower),
            np.array(self.upper),
        )


def _factors(sizes: Vector, readings: Vector) -> Vector:
    """Return the mean size of errors for each length, relative to that of all; 1 where there are few."""
    overall = sizes.mean()
    nearest = np.abs(readings[:, np.newaxis] - np.array(_LENGTHS)).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(_LENGTHS))
    sums = np.bincount(nearest, sizes, minlength=len(_LENGTHS))
    is_known = (counts >= _LEAST_OF_GROUP) & (sums > 0)
    return np.where(is_known, sums / np.where(is_known, counts * overall, 1.0), 1.0)


def _group_ends(ahead: Stamps, horizon: int, cycle: int) -> list[int]:
    """Return the last step of each group, ascending; the last one is the horizon."""
    ends, before = [], 0
    end = max(cycle // _GROUPS_OF_CYCLE, 1)
    while end < horizon:
        if np.count_nonzero((ahead > before) & (ahead <= end)) >= _LEAST_OF_GROUP:
            ends.append(end)
            before = end
        end *= 2
    if ends and np.count_nonzero(ahead > before) < _LEAST_OF_GROUP:
        ends.pop()
    return [*ends, horizon]


def _rounded(values: Vector) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") + 0.0 for value in values.tolist())
