"""The task that draws a customer's part of the rows that global models are trained on."""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from fleetcast.errors import FleetcastError
from fleetcast.evaluation import cutoffs, default_horizon
from fleetcast.forecasting import ForecastOptions, HolidayEffects, Model, fit, known_effects
from fleetcast.forecasting.features import Holidays
from fleetcast.forecasting.limits import LARGEST
from fleetcast.forecasting.members import MOST_PATH, GriddedHistory
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.global_model import FEATURES, Kind, OnHolidays, Series, TrainingRows, plain_rows, stacked_rows
from fleetcast.readings.customer import Readings
from train.channel import Customer
from train.customer import column_arguments, file_contents, fit_options, freq_of, load_readings
from train.settings import TrainSettings

_SEED_BYTES: Final = 8


@dataclass(frozen=True, kw_only=True)
class DrawnRows:
    """The rows of one customer."""

    customer: str
    freq: str = ""
    """Empty where the customer takes no part: its steps differ in length, most have no reading, or a reading
    is larger than can be fitted."""
    horizon: int = 0
    """Steps ahead that its forecast is for."""
    end: int = 0
    """Time of its last reading, in microseconds since 1970."""
    backtest: int = 0
    """Time of the last step before its first backtest."""
    earlier_backtest: int = 0
    """The same of its readings without the last horizon."""
    step: int = 0
    """Length of a step, in microseconds."""
    cycle: int = 0
    """Its short cycle, in steps."""
    stacked: TrainingRows | None = None
    plain: TrainingRows | None = None
    holidays: tuple[str, ...] = ()
    """The features of holidays that its rows have, the last ones."""
    cpu_seconds: float = 0.0
    """Processor time that they took."""

    def features(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the columns of its rows."""
        return (*FEATURES[kind], *self.holidays)

    def rows(self, kind: Kind) -> TrainingRows | None:
        """Return the rows of a kind."""
        return self.stacked if kind == "stacked" else self.plain

    def with_rows(self, kind: Kind, rows: TrainingRows | None) -> Self:
        """Return the customer with other rows of a kind."""
        return replace(self, stacked=rows) if kind == "stacked" else replace(self, plain=rows)


def features_of(drawn: Sequence[DrawnRows], kind: Kind) -> tuple[str, ...]:
    """Return the names of the columns of customers' rows, which are the same for all."""
    return drawn[0].features(kind) if drawn else FEATURES[kind]


@dataclass(frozen=True, slots=True)
class DrawRows:
    """Draws up to about `most` rows of each kind from a customer's readings."""

    settings: TrainSettings
    most: int
    holidays: tuple[str, ...] = ()
    """The features of holidays; none in a job without holidays."""

    def __call__(self, customer: Customer) -> DrawnRows:
        """Return the rows; none for a customer whose readings cannot be used, which its fit will report."""
        try:
            before = time.process_time()
            with ONE_THREAD:
                rows = self._rows(customer)
            return replace(rows, cpu_seconds=time.process_time() - before)
        except (ArithmeticError, FleetcastError, MemoryError, OSError, RuntimeError, ValueError):
            return DrawnRows(customer=customer.name)

    def _rows(self, customer: Customer) -> DrawnRows:
        settings = self.settings.for_customer(customer.name)
        readings = load_readings(customer, file_contents(customer), settings)
        usable = readings.rows(np.isfinite(readings.y)).by_time()
        freq = freq_of(usable.ds)
        if freq is None or np.abs(usable.y).max() > LARGEST:
            return DrawnRows(customer=customer.name)
        stamps = usable.ds.astype("datetime64[us]").view(np.int64)
        history = GriddedHistory.of(stamps, usable.y, freq)
        histories = _Histories.of(history, usable, settings)
        series = Series.of(histories.without_effects, int(stamps[-1]), freq)
        whole = Series.of(histories.without_regressors, int(stamps[-1]), freq)
        if series is None or whole is None:
            return DrawnRows(customer=customer.name)
        on = OnHolidays(histories.holidays, self.holidays)
        n, seasons, combine = series.y.size, series.history.seasons, settings.methods.combine
        horizon = min(settings.methods.horizon or default_horizon(n, seasons), MOST_PATH)
        count = 1 if combine is None else combine.cutoffs
        first, earlier = (
            min(cutoffs(steps, horizon, seasons, count=count)[0], default=steps)
            for steps in (n, max(n - horizon, 1))
        )
        backtest, earlier_backtest = series.times(np.array([first, earlier]) - 1).tolist()
        seed = int.from_bytes(hashlib.sha256(os.fsencode(customer.name)).digest()[:_SEED_BYTES])
        return DrawnRows(
            customer=customer.name,
            freq=freq,
            horizon=horizon,
            end=series.last,
            backtest=backtest,
            earlier_backtest=earlier_backtest,
            step=series.step,
            cycle=series.cycles.short,
            stacked=stacked_rows(series, horizon, most=self.most, seed=seed, on=on),
            plain=plain_rows(whole, horizon, most=self.most, seed=seed, on=on),
            holidays=self.holidays,
        )


@dataclass(frozen=True, slots=True)
class _Histories:
    """A history without what Prophet's model of all of it says that its holidays and regressors add."""

    without_effects: GriddedHistory | None
    without_regressors: GriddedHistory | None
    """With the effects of holidays."""
    holidays: Holidays | None = None

    @classmethod
    def of(cls, history: GriddedHistory | None, usable: Readings, settings: TrainSettings) -> "_Histories":
        arguments = settings.arguments
        if history is None or not (
            {"extra_regressors", "holidays", "country_holidays"} & arguments.keys() or settings.country
        ):
            return cls(history, history)
        columns = column_arguments(usable, settings)
        model = fit(usable.ds, usable.y, fit_options(usable.ds, settings), **columns)
        if not isinstance(model, Model) or (model.layout.holidays is None and not model.layout.regressors):
            return cls(history, history)
        effects = known_effects(model, ForecastOptions(ds=usable.ds, **columns))
        without, of_holidays = history.without(effects), HolidayEffects.of(model, columns)
        if of_holidays is None:
            return cls(without, without)
        if not model.layout.regressors:
            return cls(without, history, of_holidays.holidays)
        added = of_holidays.at(usable.ds.astype("datetime64[us]").view(np.int64))
        return cls(without, history.without(effects - added), of_holidays.holidays)
