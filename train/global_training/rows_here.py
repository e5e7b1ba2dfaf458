"""Rows in the memory of this process."""

import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from container import progress
from fleetcast.global_model import (
    FEATURES,
    Errors,
    Kind,
    TrainingRows,
    Trees,
    plain_errors,
)
from train.global_training.draw_rows import DrawnRows, features_of
from train.global_training.fit_trees import fit_trees
from train.global_training.rows import Extent, ShareErrors, Stopped, TreesFit, TreesOf, share_sums
from train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class RowsHere:
    """The rows of customers, which this process has; see `Rows`."""

    customers: Sequence[DrawnRows]
    """In alphabetical order; their rows are parts of `whole`."""
    whole: Mapping[Kind, TrainingRows]
    """The rows of all customers."""
    settings: TrainSettings
    """Of the trees, and how many are fitted side by side."""
    stopped: Stopped
    """Whether the job is to stop."""

    @classmethod
    def of(
        cls, drawn: list[DrawnRows], settings: TrainSettings | None = None, stopped: Stopped = lambda: False
    ) -> Self:
        """Put the rows together; in the list they then are parts of the whole, and none is there twice."""
        whole: dict[Kind, TrainingRows] = {}
        for kind in FEATURES:
            parts = [each.rows(kind) for each in drawn]
            whole[kind] = TrainingRows.together(parts, len(features_of(drawn, kind)))
            start = 0
            for place, part in enumerate(parts):
                if part is not None:
                    own = whole[kind].part(start, start + part.target.size)
                    drawn[place] = drawn[place].with_rows(kind, own)
                    start += part.target.size
        return cls(drawn, whole, settings or TrainSettings(), stopped)

    def extent(self, kind: Kind) -> Extent:
        """See `Rows`."""
        times = self.whole[kind].times
        return Extent(times.size, int(times.min(initial=np.iinfo(np.int64).max)))

    def counts(self, kind: Kind, dates: Sequence[int]) -> NDArray[np.int64]:
        """See `Rows`."""
        return np.array([(self.whole[kind].times <= date).sum() for date in dates], np.int64)

    def fit(self, fits: Sequence[TreesFit]) -> dict[tuple[Kind, int], Trees]:
        """Fit trees side by side, the largest first; see `Rows`."""
        order = sorted(fits, key=lambda fit: -fit.rows)
        with ThreadPoolExecutor(self.settings.workers) as pool:
            fitted = pool.map(
                lambda fit: fit_trees(
                    self.whole[fit.kind].until(fit.date), self.settings.methods.trees, self.stopped
                ),
                order,
            )
            done = list(progress(fitted, total=len(order), doing="fit trees", unit="models"))
        return {fit.key: trees for fit, trees in zip(order, done, strict=True)}

    def _fit(self, fit: TreesFit) -> Trees:
        return fit_trees(self.whole[fit.kind].until(fit.date), self.settings.methods.trees, self.stopped)

    def share_errors(self, trees: TreesOf, dates: Sequence[int]) -> ShareErrors:
        """See `Rows`."""
        features = len(features_of(self.customers, "stacked"))
        tried = [TrainingRows.together([], features)]
        corrections = [np.empty(0, np.float32)]
        fitted = [date for date in dates if ("stacked", date) in trees]
        for place, date in enumerate(fitted, start=1):
            own = [
                each.stacked.with_origins(each.backtest, each.end, each.step)
                for each in self.customers
                if each.stacked is not None and bisect_right(fitted, each.backtest) == place
            ]
            tried.append(TrainingRows.together(own, features))
            corrections.append(trees["stacked", date].predict(tried[-1].x))
        target, times = (
            np.concatenate([getattr(each, name) for each in tried]) for name in ("target", "times")
        )
        correction = np.concatenate(corrections)
        known = [times <= date for date in dates]
        sums = [share_sums(target[own], correction[own]) for own in known]
        return ShareErrors(np.array(sums), np.array([own.sum() for own in known], np.int64))

    def plain_errors(self, trees: Trees, first: int, end: int, most: int = sys.maxsize) -> Errors:
        """See `Rows`; there are at most `most`."""
        later = self.whole["plain"].with_origins(first, end, self.customers[0].step).until(end)
        return plain_errors(trees, later).at_most(most)
