"""The readings up to an archive's end, which the seasonal naive forecast and the scale of MASE need.

They take no part in the forecast that is measured.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from fleetcast.errors import FutureError, HistoryError
from fleetcast.evaluation import naive_error, rows_per_season
from fleetcast.forecasting import Model, SampledModel
from fleetcast.forecasting.calendar import SECOND, Fixed, Weekly, microseconds, parse_frequency
from fleetcast.readings.customer import Readings
from train.customer import LastReadings

_MOST_SEASON_ROWS: Final = 200_000
"""Two days of seconds; a longer season is not looked for."""


@dataclass(frozen=True, slots=True)
class End:
    """Where an archive ends."""

    last: int
    """The time of the last reading that its forecast comes from, in microseconds since 1970."""
    cut: int
    """Readings up to this time, not before `last`, may have been in the training."""

    @classmethod
    def of(cls, model: Model | SampledModel, metadata: Mapping[str, Any]) -> Self:
        """Return the end; raise HistoryError where neither model nor metadata.json say it."""
        known = []
        if isinstance(model, Model):
            known.append(int(model.last_dates[-1]))
            if model.combination is not None:
                known.append(model.combination.origin)
        cut = list(known)
        try:
            second = int(microseconds([str(metadata["last"])])[0])  # its fraction is cut off
            known, cut = known or [second], [*cut, second + SECOND - 1]
        except (KeyError, ValueError):
            if not known:
                raise HistoryError("its archive does not say where its readings end") from None
        return cls(max(known), max(cut))


def pick(candidates: Iterator[Readings], end: End) -> Readings | None:
    """Return the longest of several histories that reach the archive's end; None where none does."""
    longest: Readings | None = None
    for readings in candidates:
        usable = readings.rows(np.isfinite(readings.y)).by_time()
        usable = usable.rows(usable.ds.view(np.int64) <= end.cut)
        if not len(usable.ds) or abs(int(usable.ds[-1].astype(np.int64)) - end.last) >= SECOND:
            continue
        if longest is None or len(usable.ds) > len(longest.ds):
            longest = usable
    return longest


def in_archive(model: Model | SampledModel, metadata: Mapping[str, Any]) -> Iterator[Readings]:
    """Yield the histories that an archive holds: of `keep_history`, and those that a refresh left."""
    if not isinstance(model, Model):
        return
    if model.history is not None:
        yield Readings(model.history.ds.view("datetime64[us]"), model.history.y)
    if (combination := model.combination) is not None:
        kept = LastReadings.in_metadata(metadata, combination.freq, combination.origin)
        if kept is not None:
            stamps = kept.last + np.arange(1 - kept.y.size, 1) * kept.step
            yield Readings(stamps.view("datetime64[us]"), kept.y)


def scale_of_mase(metadata: Mapping[str, Any], history: Readings | None) -> float:
    """Return the naive forecast's mean absolute error within the training, in units of y; 0 if not known.

    The archive has it as the ratio of two of its metrics; a history of one's own may begin later.
    """
    measured: object = metadata.get("metrics")
    measured = measured.get("in_sample") if isinstance(measured, Mapping) else None
    if isinstance(measured, Mapping):
        mae, mase = measured.get("mae"), measured.get("mase")
        if isinstance(mae, int | float) and isinstance(mase, int | float) and mase > 0:
            scale = mae / mase
            if math.isfinite(scale) and scale > 0:
                return float(scale)
    return 0.0 if history is None else naive_error(history.ds, history.y)


def is_long_enough(history: Readings, metadata: Mapping[str, Any]) -> bool:
    """Return whether a history has the season that the training's had, so that the naive forecast has too."""
    rows, freq = metadata.get("rows"), metadata.get("freq")
    if rows_per_season(history.ds) > 1 or not isinstance(rows, int) or len(history.ds) >= rows:
        return True
    try:
        frequency = None if freq is None else parse_frequency(str(freq))
    except FutureError:
        return True
    if not isinstance(frequency, Fixed | Weekly):
        return True
    steps = np.arange(min(rows, _MOST_SEASON_ROWS)) * frequency.least
    return rows_per_season(steps.view("datetime64[us]")) == 1
