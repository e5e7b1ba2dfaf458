"""The rows that compare trees of a model of all customers: those that trees are fitted to, and later ones.

The rows are cut by calendar twice.  The last horizon of each history takes no part.  Of the rest, trees are
fitted to what comes up to one date, and are compared on the rows after it, of the customers whose last fifth,
or last horizon if that is longer, begins within a horizon of that date: most customers of a fleet that ends
at one time, and the largest group of one that ends at many.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fleetcast.forecasting.calendar import Stamps
from fleetcast.global_model import TrainingRows, Trees
from train.global_training import DrawnRows, best_share

COMPARED: Final = 5
"""One of this many parts of a history, the last one, compares trees."""


@dataclass(frozen=True, slots=True)
class CustomerRows:
    """One customer's rows."""

    customer: str
    before: TrainingRows
    """What trees are fitted to."""
    after: TrainingRows
    """What they are compared on; no rows where the customer compares nothing."""


@dataclass(frozen=True, slots=True)
class TreeRows:
    """Rows of a fleet."""

    customers: tuple[CustomerRows, ...]
    """In an order of which each beginning is a random sample."""
    date: int
    """Time of the last step that trees are fitted to, in microseconds since 1970."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all rows."""
        found = hashlib.sha256(str(self.date).encode())
        for each in self.customers:
            found.update(hashlib.sha256(os.fsencode(each.customer)).digest())
            for rows in (each.before, each.after):
                for values in (rows.x, rows.target, rows.times):
                    found.update(hashlib.sha256(values.tobytes()).digest())
        return found.hexdigest()

    def sample(self, customers: int) -> "TreeRows":
        """Return the first customers alone."""
        return replace(self, customers=self.customers[:customers])

    def before(self) -> TrainingRows:
        """Return what trees are fitted to."""
        return _together([each.before for each in self.customers])

    def compared(self) -> list[CustomerRows]:
        """Return the customers that compare trees."""
        return [each for each in self.customers if each.after.target.size]

    def errors(self, trees: Trees) -> dict[str, float]:
        """Return by customer the mean absolute error of forecasts with these trees, in the rows' unit.

        As in a training, the share of the corrections that is used is the best one for the fleet.
        """
        own = self.compared()
        later = _together([each.after for each in own])
        correction = trees.predict(later.x)
        errors = np.abs(later.target - best_share(later.target, correction) * correction)
        sizes = [each.after.target.size for each in own]
        parts = np.split(errors, np.cumsum(sizes)[:-1])
        return {each.customer: float(f"{part.mean():.9g}") for each, part in zip(own, parts, strict=True)}


def a_horizon_earlier(drawn: Sequence[DrawnRows]) -> list[DrawnRows]:
    """Return the rows that a training would have had a horizon before the end of each history."""
    earlier = []
    for each in drawn:
        end = each.end - each.horizon * each.step
        stacked = None if each.stacked is None else each.stacked.until(end)
        earlier.append(replace(each, end=end, backtest=each.earlier_backtest, stacked=stacked, plain=None))
    return earlier


def tree_rows(drawn: Sequence[DrawnRows], *, seed: int) -> TreeRows | None:
    """Return the rows of `a_horizon_earlier`, cut into two; None where no customer can compare anything."""
    own = [(each, each.stacked) for each in drawn if each.stacked is not None and each.stacked.target.size]
    if not own:
        return None
    spans = [each.end - int(rows.times.min()) for each, rows in own]
    cycle = own[0][0].cycle * own[0][0].step
    part = -(-int(np.median(spans)) // COMPARED // cycle) * cycle
    starts = np.array([each.end - max(part, each.horizon * each.step) for each, _ in own])
    gap = own[0][0].horizon * own[0][0].step
    date = _most_common(starts, gap)
    none = TrainingRows.together([], own[0][1].x.shape[1])
    customers = [
        CustomerRows(
            each.customer,
            rows.until(date),
            rows.with_origins(int(start), each.end, each.step) if date <= start < date + gap else none,
        )
        for (each, rows), start in zip(own, starts, strict=True)
    ]
    customers.sort(key=lambda each: hashlib.sha256(f"{seed}/{each.customer}".encode()).digest())
    return TreeRows(tuple(customers), date)


def _together(rows: Sequence[TrainingRows]) -> TrainingRows:
    """Return the rows of at least one customer."""
    return TrainingRows.together(rows, rows[0].x.shape[1])


def _most_common(starts: Stamps, gap: int) -> int:
    """Return the start with the most others less than `gap` after it; of several the last."""
    ordered = np.sort(starts)
    counts = np.searchsorted(ordered, ordered + gap) - np.arange(ordered.size)
    return int(ordered[ordered.size - 1 - int(np.argmax(counts[::-1]))])
