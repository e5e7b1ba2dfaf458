"""Global models of several dates, and the forecasts that each customer's history may have from them.

A model of a date was trained on readings up to it.  The forecast from an origin comes from the latest model
whose date is not after the origin, so that no reading that came later has trained it.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting import HolidayEffects
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.features import Holidays
from fleetcast.forecasting.members import Calibration, GriddedHistory
from fleetcast.global_model.features import OnHolidays, feature_rows
from fleetcast.global_model.local import local_forecasts
from fleetcast.global_model.model import GlobalModel, Kind, Part
from fleetcast.global_model.plain import plain_path, plain_scale
from fleetcast.global_model.series import Cycles, Series
from fleetcast.global_model.stored import write_global_model
from fleetcast.global_model.training_rows import LEAST_LONG_CYCLES, LEAST_SHORT_CYCLES


@dataclass(frozen=True, slots=True, eq=False)
class FewReadings:
    """The forecast of a customer that has too few readings for methods of its own."""

    path: Vector
    """For 1, 2, ... steps after the last reading, in units of y, shape (T,)."""
    calibration: Calibration | None
    """Its intervals; None where nothing is known of the errors."""


@dataclass(frozen=True)
class DatedModels:
    """Models of ascending dates, all for readings of one frequency."""

    dates: tuple[int, ...]
    """Time of the last reading that each may have been trained on, in microseconds since 1970."""
    models: tuple[GlobalModel, ...]

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of all models and dates."""
        digest = hashlib.sha256(repr(self.dates).encode())
        for model in self.models:
            digest.update(hashlib.sha256(write_global_model(model)).digest())
        return digest.hexdigest()

    @property
    def freq(self) -> str:
        """Return the step between the readings, by pandas' names."""
        return self.models[-1].settings.freq

    @property
    def horizon(self) -> int:
        """Return the most steps ahead that the models were trained for."""
        return self.models[-1].settings.horizon

    def of(self, time: int) -> GlobalModel | None:
        """Return the latest model with a date up to a time, in microseconds since 1970; None before all."""
        place = bisect_right(self.dates, time)
        return self.models[place - 1] if place else None

    def paths(
        self,
        histories: Sequence[GriddedHistory],
        last: int,
        ends: Sequence[int],
        length: int,
        effects: Sequence[HolidayEffects | None] = (),
    ) -> list[Vector | None]:
        """Return a forecast from the first `ends` steps of each history, each of shape (length,).

        The histories have the same steps, the last of them at the time `last`, in microseconds since 1970.  A
        forecast is None where no model is old enough, the steps before are too few, or it is no number.

        `effects` are those of the holidays that have been taken out of each history, and that will be added
        to its forecast; none where there are none.
        """
        paths: list[Vector | None] = [None] * len(ends)
        for history in {id(each): each for each in histories}.values():
            own = [i for i, each in enumerate(histories) if each is history]
            series = Series.of(history, last, self.freq)
            if series is not None:
                removed = effects[own[0]] if effects else None
                found = self._paths(series, [ends[i] for i in own], length, removed)
                for i, path in zip(own, found, strict=True):
                    paths[i] = path
        return paths

    def of_few_readings(
        self, history: GriddedHistory, last: int, length: int, holidays: Holidays | None = None
    ) -> FewReadings | None:
        """Return the forecast after a history too short for backtests; None where no model can make one.

        Its last step is at the time `last`, in microseconds since 1970.  The effects of the customer's
        `holidays` are part of the readings, and of the forecast.
        """
        series, model = Series.of(history, last, self.freq), self.of(last)
        if series is None or model is None or "plain" not in model.parts:
            return None
        if holidays is not None and not model.parts["plain"].of_holidays("plain"):
            return None
        try:
            path, scale = plain_path(model, series, length, holidays), plain_scale(series)
        except FutureError:
            return None
        if not np.isfinite(path).all():
            return None
        errors = model.settings.plain_errors
        readings = np.count_nonzero(np.isfinite(series.y)) / series.cycles.short
        return FewReadings(path, errors.times(scale, readings) if errors is not None and scale > 0 else None)

    def _paths(
        self, series: Series, ends: Sequence[int], length: int, removed: HolidayEffects | None
    ) -> list[Vector | None]:
        paths: list[Vector | None] = [None] * len(ends)
        first = int(np.flatnonzero(np.isfinite(series.y))[0])
        for kind, least in _LEAST_STEPS.items():
            parts = [self._part(kind, series, end) for end in ends]
            own = [
                i
                for i, end in enumerate(ends)
                if paths[i] is None and parts[i] is not None and end > first and end >= least(series.cycles)
            ]
            if own:
                chosen, from_ends = [parts[i] for i in own], [ends[i] for i in own]
                found = _forecasts(kind, chosen, series, from_ends, length, removed)
                for i, path in zip(own, found, strict=True):
                    paths[i] = path if np.isfinite(path).all() else None
        return paths

    def _part(self, kind: Kind, series: Series, end: int) -> tuple[Part, int] | None:
        """Return the trees for a forecast from the first `end` steps, and the most steps they forecast."""
        model = self.of(int(series.times(np.array([end - 1]))[0]))
        part = None if model is None else model.parts.get(kind)
        return None if model is None or part is None else (part, model.settings.horizon)


_LEAST_STEPS: Final[Mapping[Kind, Callable[[Cycles], int]]] = {
    "stacked": lambda cycles: LEAST_LONG_CYCLES * cycles.long,
    "plain": lambda cycles: LEAST_SHORT_CYCLES * cycles.short,
}
"""Fewest steps of a forecast, by kind; the first kind that has enough forecasts."""


def _forecasts(  # noqa: PLR0913, PLR0917 - trees, what they forecast, and what is left out of it
    kind: Kind,
    parts: Sequence[tuple[Part, int] | None],
    series: Series,
    ends: Sequence[int],
    length: int,
    removed: HolidayEffects | None,
) -> list[Vector]:
    """Return a forecast from each of the first `ends` steps, of shape (length,): base + scale · trees.

    Beyond the steps that the trees were trained for it is the base alone.  Trees of the kind `plain` that
    know holidays have learnt from readings with the effects of holidays: these are put back into the
    readings, and what is to be added to the forecast later is taken out of it.
    """
    features = next(filter(None, parts))[0].of_holidays(kind)
    on = OnHolidays(None if removed is None else removed.holidays, features)
    is_whole = kind == "plain" and removed is not None and bool(features)
    if removed is not None and is_whole:
        added = removed.at(series.times(np.arange(series.y.size)))
        series = replace(series, history=replace(series.history, y=series.y + added))
    origins = np.array(ends)
    ahead = np.broadcast_to(np.arange(1, length + 1), (len(ends), length))
    trained = max(steps for _, steps in filter(None, parts))
    local = local_forecasts(series, ends, max(length, trained), trained) if kind == "stacked" else None
    rows = feature_rows(series, origins, ahead, local, on=on)
    paths = rows.base.copy()
    for path, x, scale, (part, horizon), end in zip(
        paths, rows.x, rows.scale[:, 0], filter(None, parts), ends, strict=True
    ):
        path[:horizon] += scale * part.trees.predict(x[:horizon])
        if removed is not None and is_whole:
            steps = np.arange(end, end + min(horizon, length))
            path[:horizon] -= removed.at(series.times(steps))
    return list(paths)
