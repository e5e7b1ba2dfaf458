"""One customer's part of the rows that a global model is trained on.

A row is a step ahead of an origin inside the history.  Origins are whole short cycles before its end, and a
few steps ahead of each are drawn at random, from a seed that is the customer's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import starmap
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Flags
from fleetcast.forecasting.calendar import Stamps
from fleetcast.global_model.features import (
    AHEAD,
    NO_HOLIDAYS,
    PLAIN_FEATURES,
    STACKED_FEATURES,
    OnHolidays,
    Rows,
    feature_rows,
)
from fleetcast.global_model.local import local_forecasts
from fleetcast.global_model.series import Series

LEAST_LONG_CYCLES: Final = 2
"""Fewest long cycles before an origin of the stacked model."""
LEAST_SHORT_CYCLES: Final = 3
"""Fewest short cycles before an origin of the plain model."""
_LIMITS: Final = (3, 7, 14, 0)
"""Short cycles that the plain model sees of a history, drawn at random; 0 is all of it."""
_MOST_AHEAD: Final = 16
"""Most steps ahead that are drawn for each origin."""
_LEAST_AHEAD: Final = 4
_ORIGINS_AT_ONCE: Final = 128
"""Origins whose rows are made at once: it bounds the memory, as each has a copy of a history with gaps."""
_NOT_BEYOND: Final = 1000.0
"""Targets are at most this many units of the scale."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """R rows; the target is (y - base) / scale."""

    x: NDArray[np.float32]
    """Shape (R, F)."""
    target: NDArray[np.float32]
    """Shape (R,)."""
    times: Stamps
    """Time of the step that each row forecasts, in microseconds since 1970, shape (R,)."""

    @classmethod
    def together(cls, rows: Iterable["TrainingRows | None"], features: int) -> Self:
        """Return the rows of many customers, in their order; `features` is F, for no rows at all."""
        parts = [each for each in rows if each is not None]
        none = cls(np.empty((0, features), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
        return cls(
            np.concatenate([none.x, *(each.x for each in parts)]),
            np.concatenate([none.target, *(each.target for each in parts)]),
            np.concatenate([none.times, *(each.times for each in parts)]),
        )

    def part(self, start: int, end: int) -> "TrainingRows":
        """Return the rows at these places, which share their memory."""
        return TrainingRows(self.x[start:end], self.target[start:end], self.times[start:end])

    def until(self, date: int) -> "TrainingRows":
        """Return the rows that forecast no step after a date, in microseconds since 1970."""
        return self._chosen(self.times <= date)

    def with_origins(self, first: int, end: int, step: int) -> "TrainingRows":
        """Return the rows whose last step before the origin is from `first` up to before `end`.

        Both are in microseconds since 1970, and so is the length of a step.
        """
        origins = self.times - self.x[:, AHEAD].astype(np.int64) * step
        return self._chosen((origins >= first) & (origins < end))

    def _chosen(self, is_chosen: Flags) -> "TrainingRows":
        if is_chosen.all():
            return self
        return TrainingRows(self.x[is_chosen], self.target[is_chosen], self.times[is_chosen])


def stacked_rows(
    series: Series, horizon: int, *, most: int, seed: int, on: OnHolidays = NO_HOLIDAYS
) -> TrainingRows | None:
    """Return up to about `most` rows of the stacked model; None where the history is too short for one."""
    least = LEAST_LONG_CYCLES * series.cycles.long
    drawn = _drawn(series, horizon, least=least, most=most, seed=seed)
    if drawn is None:
        return None

    def rows_of(origins: Stamps, ahead: Stamps) -> TrainingRows:
        local = local_forecasts(series, origins.tolist(), horizon)
        return _with_targets(series, origins, ahead, feature_rows(series, origins, ahead, local, on=on))

    features = len(STACKED_FEATURES) + len(on.features)
    return TrainingRows.together(starmap(rows_of, _in_pieces(*drawn)), features)


def plain_rows(
    series: Series, horizon: int, *, most: int, seed: int, on: OnHolidays = NO_HOLIDAYS
) -> TrainingRows | None:
    """Return up to about `most` rows of the plain model; None where the history is too short for one."""
    least = LEAST_SHORT_CYCLES * series.cycles.short
    drawn = _drawn(series, horizon, least=least, most=most, seed=seed)
    if drawn is None:
        return None
    limits = np.random.default_rng(seed).choice(_LIMITS, drawn[0].size) * series.cycles.short
    longest = np.where(limits > 0, limits, series.y.size)

    def rows_of(origins: Stamps, ahead: Stamps, longest: Stamps) -> TrainingRows:
        rows = feature_rows(series, origins, ahead, longest=longest, on=on)
        return _with_targets(series, origins, ahead, rows)

    features = len(PLAIN_FEATURES) + len(on.features)
    return TrainingRows.together(starmap(rows_of, _in_pieces(*drawn, longest)), features)


def _drawn(series: Series, horizon: int, *, least: int, most: int, seed: int) -> tuple[Stamps, Stamps] | None:
    """Return P origins, the latest first, and K steps ahead of each, shape (P, K)."""
    n, cycle = series.y.size, series.cycles.short
    origins = np.arange(n - cycle, least - 1, -cycle)
    first = int(np.flatnonzero(np.isfinite(series.y))[0])
    origins = origins[origins > first][: max(most // _LEAST_AHEAD, 1)]
    if not origins.size:
        return None
    count = min(max(most // origins.size, _LEAST_AHEAD), _MOST_AHEAD)
    room = np.minimum(horizon, n - origins)
    share = np.random.default_rng(seed).random((origins.size, count))
    return origins, 1 + np.floor(share * room[:, None]).astype(np.int64)


def _in_pieces(*of_origins: Stamps) -> Iterator[tuple[Stamps, ...]]:
    """Yield parts of arrays that have an entry for each origin."""
    for begin in range(0, of_origins[0].size, _ORIGINS_AT_ONCE):
        yield tuple(each[begin : begin + _ORIGINS_AT_ONCE] for each in of_origins)


def _with_targets(series: Series, origins: Stamps, ahead: Stamps, rows: Rows) -> TrainingRows:
    steps = origins[:, None] + ahead - 1
    y = series.y[steps]
    usable = np.isfinite(y) & (rows.scale > 0)
    target = np.divide(y - rows.base, rows.scale, out=np.zeros(y.shape), where=usable)
    usable &= np.abs(target) < _NOT_BEYOND
    return TrainingRows(rows.x[usable], target[usable].astype(np.float32), series.times(steps)[usable])
