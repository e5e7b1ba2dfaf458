"""The rows that models of all customers are trained on, wherever they are: on this host or on others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.global_model import Errors, Kind, Trees
from train.global_training.draw_rows import DrawnRows

SHARES: Final = tuple(tenth / 10 for tenth in range(11))
"""Shares of the corrections that are tried."""

Stopped: TypeAlias = Callable[[], bool]
TreesOf: TypeAlias = Mapping[tuple[Kind, int], Trees]
"""Trees by kind and date."""


@dataclass(frozen=True, slots=True)
class TreesFit:
    """Trees to be fitted."""

    kind: Kind
    date: int
    rows: int
    """Number of rows up to the date."""

    @property
    def key(self) -> tuple[Kind, int]:
        """Its place in `TreesOf`."""
        return self.kind, self.date


class Extent(NamedTuple):
    """How many rows of a kind there are, and the time of the first."""

    rows: int
    first: int
    """In microseconds since 1970; the largest 64-bit number where there is no row."""

    @classmethod
    def together(cls, parts: Sequence["Extent"]) -> Self:
        """Return that of several parts, at least one."""
        return cls(sum(part.rows for part in parts), min(part.first for part in parts))


class ShareErrors(NamedTuple):
    """Sums of absolute errors of rows up to D dates, if a share of the corrections is used."""

    sums: Vector
    """Shape (D, len(SHARES))."""
    rows: NDArray[np.int64]
    """Number of rows, shape (D,)."""

    @classmethod
    def together(cls, parts: Sequence["ShareErrors"]) -> Self:
        """Return that of several parts, at least one."""
        sums, rows = zip(*parts, strict=True)
        return cls(np.sum(sums, axis=0), np.sum(rows, axis=0))


def share_sums(target: NDArray[np.float32], correction: NDArray[np.float32]) -> Vector:
    """Return the sum of absolute errors for each share of the corrections, shape (len(SHARES),)."""
    return np.array([np.abs(target - share * correction).sum() for share in SHARES], np.float64)


class Rows(Protocol):
    """The rows of a fleet; only sums of them, errors and trees come here."""

    @property
    def customers(self) -> Sequence[DrawnRows]:
        """Those that take part, in alphabetical order; their rows may be missing here."""

    def extent(self, kind: Kind) -> Extent:
        """Return how many rows of a kind there are."""

    def counts(self, kind: Kind, dates: Sequence[int]) -> NDArray[np.int64]:
        """Return the number of rows up to each date."""

    def fit(self, fits: Sequence[TreesFit]) -> dict[tuple[Kind, int], Trees]:
        """Return the trees of each fit; raise TreesStoppedError once the job is to stop."""

    def share_errors(self, trees: TreesOf, dates: Sequence[int]) -> ShareErrors:
        """Return how far shares of the stacked trees' corrections miss rows up to each date.

        The rows are those since each customer's first backtest, and are forecast by the trees that its
        backtests have.
        """

    def plain_errors(self, trees: Trees, first: int, end: int) -> Errors:
        """Return errors of plain trees on rows with origins from `first`, up to `end`; of many only some."""


def times_of_first(extent: Extent) -> Stamps:
    """Return the time of the first row, as the times of all; shape (1,), or (0,) without rows."""
    return np.array([extent.first] if extent.rows else [], np.int64)
