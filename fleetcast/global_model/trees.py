"""Evaluates gradient-boosted regression trees with NumPy alone.

The nodes of all trees lie in flat arrays, those of a tree in level order: its root, then the nodes of depth
1 from left to right, and so on.  The children of the n-th split of a tree are then the n-th pair of
nodes after its root.  So it is enough to know which nodes are splits: whatever their order, no child can lie
outside its tree or before its parent.

A prediction goes down all trees at once, level by level.  Each feature has two columns, which differ in what
they put in place of a missing value: +inf, which goes right at every threshold, or -inf, which goes left.
One more column is -inf everywhere: a leaf looks at it and is its own left child, so that it is never left.
So one comparison decides at every node.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fleetcast.errors import ModelFormatError

MOST_FEATURES: Final = 1_000
MOST_TREES: Final = 10_000
MOST_NODES: Final = 1_000_000
MOST_DEPTH: Final = 32
"""With the limits above it bounds the time of a forecast: a tree costs each row at most so many steps."""
_CELLS_PER_BLOCK: Final = 64 * 1024
"""Rows times trees that are evaluated together: an array of node indices has 512 KB then."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trees:
    """T trees of N nodes over F features; make them with `from_level_order`, which checks them."""

    features: int
    """F."""
    base_score: float
    """What every prediction begins with."""
    column: NDArray[np.intp]
    """What a node looks at, shape (N,): see `from_level_order`."""
    threshold: NDArray[np.float32]
    """A row goes left below it, in units of the feature; a leaf has its value here; shape (N,)."""
    left: NDArray[np.intp]
    """The left child, shape (N,); the right one comes after it.  A leaf names itself."""
    roots: NDArray[np.intp]
    """The first node of each tree, shape (T,)."""
    depth: int
    """Most splits on the way to a leaf."""

    @classmethod
    def from_level_order(
        cls, *, features: int, base_score: float, column: ArrayLike, threshold: ArrayLike
    ) -> Self:
        """Return the trees with these nodes, tree after tree, each in level order.

        A node of `column` 2f looks at feature f and sends a missing value right; 2f + 1 sends it left; 2F is
        a leaf.  Raises ModelFormatError if the nodes are no such trees, or exceed a limit.
        """
        if not 0 < features <= MOST_FEATURES:
            raise ModelFormatError(f"trees must have 1 to {MOST_FEATURES:,} features")
        columns, thresholds = np.asarray(column, np.intp), np.asarray(threshold, np.float32)
        if columns.ndim != 1 or columns.shape != thresholds.shape or not 0 < columns.size <= MOST_NODES:
            raise ModelFormatError(f"trees must have 1 to {MOST_NODES:,} nodes, and a threshold for each")
        if columns.min() < 0 or columns.max() > 2 * features:
            raise ModelFormatError(f"a node of the trees looks at none of the {features} features")
        if not (np.isfinite(thresholds).all() and np.isfinite(np.float32(base_score))):
            raise ModelFormatError("thresholds, values of leaves and base score must be finite")
        is_split = columns < 2 * features
        roots = _roots(is_split)
        left = _left_children(is_split, roots)
        return cls(
            features=features,
            base_score=float(base_score),
            column=columns,
            threshold=thresholds,
            left=left,
            roots=roots,
            depth=_depth(is_split, left, roots),
        )

    @property
    def memory_bytes(self) -> int:
        """Memory of the arrays."""
        arrays = self.column, self.threshold, self.left, self.roots
        return sum(array.nbytes for array in arrays)

    def times(self, factor: float) -> Self:
        """Return trees whose predictions, beyond the base score, are `factor` times these."""
        is_leaf = self.column == 2 * self.features
        values = np.where(is_leaf, self.threshold * np.float32(factor), self.threshold)
        return replace(self, threshold=values.astype(np.float32))

    def predict(self, x: NDArray[np.float32], margin: ArrayLike | None = None) -> NDArray[np.float32]:
        """Return the prediction for each row of features, shape (n,): XGBoost's own, to the last bit.

        x has shape (n, F); NaN is a missing value, and infinities are numbers.  `margin`, one number or one
        for each row, takes the place of the base score.  A row's prediction is the same in every batch.
        """
        if x.ndim != 2 or x.shape[1] != self.features:  # noqa: PLR2004 - rows and features
            raise ValueError(f"x must have {self.features} columns")
        start = np.broadcast_to(np.asarray(self.base_score if margin is None else margin, np.float32), len(x))
        rows = max(1, _CELLS_PER_BLOCK // self.roots.size)
        predicted = np.empty(len(x), np.float32)
        for first in range(0, len(x), rows):
            block = slice(first, first + rows)
            predicted[block] = self._predict_block(x[block], start[block])
        return predicted

    def _predict_block(self, x: NDArray[np.float32], start: NDArray[np.float32]) -> NDArray[np.float32]:
        columns = self._columns(x)
        values = columns.ravel()
        row = np.arange(len(x)) * columns.shape[1]
        node = np.empty((self.roots.size, len(x)), np.intp)
        node[:] = self.roots[:, np.newaxis]
        for _ in range(self.depth):
            place = self.column.take(node)
            place += row
            goes_right = values.take(place) >= self.threshold.take(node)
            node = self.left.take(node)
            node += goes_right
        addends = np.empty((self.roots.size + 1, len(x)), np.float32)
        addends[0] = start
        addends[1:] = self.threshold.take(node)
        # In XGBoost's order; np.sum would choose its own by the shape.
        return np.asarray(np.add.accumulate(addends, axis=0)[-1], np.float32)

    def _columns(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what nodes look at, shape (n, 2 F + 1), contiguous."""
        is_missing = np.isnan(x)
        columns = np.empty((len(x), 2 * self.features + 1), np.float32)
        columns[:, :-1:2] = np.where(is_missing, np.float32(np.inf), x)
        columns[:, 1::2] = np.where(is_missing, np.float32(-np.inf), x)
        columns[:, -1] = -np.inf
        return columns


def _roots(is_split: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the first node of each tree; raises ModelFormatError if the last tree lacks nodes.

    Each split adds two nodes, and every node takes one, so a tree ends where more nodes than ever are taken.
    """
    open_nodes = np.cumsum(np.where(is_split, 1, -1))
    least_before = np.minimum.accumulate(np.concatenate([[0], open_nodes[:-1]]))
    ends = np.flatnonzero(open_nodes < least_before)
    if not ends.size or ends[-1] != is_split.size - 1:
        raise ModelFormatError("the last of the trees is cut short")
    if ends.size > MOST_TREES:
        raise ModelFormatError(f"there are more than {MOST_TREES:,} trees")
    return np.concatenate([[0], ends[:-1] + 1]).astype(np.intp)


def _left_children(is_split: NDArray[np.bool_], roots: NDArray[np.intp]) -> NDArray[np.intp]:
    splits_before: NDArray[np.intp] = np.cumsum(is_split) - is_split
    sizes = np.diff(np.append(roots, is_split.size))
    pair: NDArray[np.intp] = splits_before - np.repeat(splits_before[roots], sizes)
    return np.where(is_split, np.repeat(roots, sizes) + 1 + 2 * pair, np.arange(is_split.size))


def _depth(is_split: NDArray[np.bool_], left: NDArray[np.intp], roots: NDArray[np.intp]) -> int:
    """Return the most splits on the way to a leaf; raises ModelFormatError if they exceed MOST_DEPTH."""
    level = roots
    for depth in range(MOST_DEPTH + 1):
        splits = level[is_split[level]]
        if not splits.size:
            return depth
        level = np.concatenate([left[splits], left[splits] + 1])
    raise ModelFormatError(f"a tree is deeper than {MOST_DEPTH} splits")
