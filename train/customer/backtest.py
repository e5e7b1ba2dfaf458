"""One customer's backtests with several configurations, inside a worker process.

For each cut-off the readings before it are estimated as `train` would estimate them, and the forecast is
compared with the readings of the horizon after it; readings after a cut-off take no part in its forecast.
"""

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fleetcast.evaluation import Metric, Origin, origins
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.readings.customer import Readings, Vector
from train.channel import Customer
from train.customer.arguments import column_arguments
from train.customer.estimate import estimate
from train.customer.files import check_cap, file_contents, load_readings
from train.customer.freq import freq_of
from train.settings import TrainSettings

TOO_SHORT: Final = "no backtest: its readings have no usual step, or are too few for two cut-offs"
POINT_ONLY: Final = {"uncertainty_samples": "0"}
"""BacktestOptions need no intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOptions:
    """How a customer is backtested."""

    cutoffs: int
    """Most cut-offs to choose by."""
    horizon: int | None
    """Steps; None for the default of the customer's seasons."""
    metric: Metric
    """`mase`: errors are in units of the naive error before the cut-off; `wape`: of the mean |y| of all
    cut-offs, so that the mean over the cut-offs is one WAPE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtested:
    """A customer's errors, or the reason why there are none."""

    customer: str
    data: str
    """SHA-256 of its files."""
    errors: Mapping[int, Sequence[float]] = field(default_factory=dict)
    """By configuration the mean absolute error at each cut-off, in the metric's unit."""
    reason: str = ""
    """Why the customer cannot be backtested; empty where it can."""
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BacktestCustomer:
    """The task of a search for hyperparameters: backtest a customer with some configurations."""

    settings: TrainSettings
    backtests: BacktestOptions
    configurations: Mapping[int, Mapping[str, str]]
    """By number the hyperparameters that each changes."""
    judges: bool = False
    """Whether the last horizon is forecast, which no choice has seen, instead of the earlier ones."""

    def __call__(self, customer: Customer) -> Backtested:
        """Return the customer's errors."""
        before, data = time.process_time(), ""
        try:
            contents = file_contents(customer)
            data = digest_of_files(contents)
            settings = self.settings.for_customer(customer.name)
            readings = load_readings(customer, contents, settings)
            usable = readings.rows(np.isfinite(readings.y)).by_time()
            places = self._places(usable)
            errors = {
                number: self._errors(usable, settings.with_model({**changed, **POINT_ONLY}), places)
                for number, changed in self.configurations.items()
            }
        except (ArithmeticError, MemoryError, OSError, RuntimeError, ValueError) as error:
            reason = str(error) or type(error).__name__
            return Backtested(customer=customer.name, data=data, reason=reason, cpu_seconds=_since(before))
        return Backtested(customer=customer.name, data=data, errors=errors, cpu_seconds=_since(before))

    def _places(self, usable: Readings) -> Sequence[Origin]:
        """Return the cut-offs; raise ValueError where the history has too few."""
        freq = freq_of(usable.ds) if usable.ds.size else None
        found = None
        if freq is not None:
            stamps = usable.ds.astype("datetime64[us]").view(np.int64)
            options = self.backtests
            found = origins(stamps, usable.y, freq, horizon=options.horizon, count=options.cutoffs)
        if found is None:
            raise ValueError(TOO_SHORT)
        return [found[1]] if self.judges else found[0]

    def _errors(self, usable: Readings, settings: TrainSettings, places: Sequence[Origin]) -> list[float]:
        check_cap(usable, settings)
        sizes = [float(np.abs(usable.y[place.first : place.last]).sum()) for place in places]
        rows = sum(place.last - place.first for place in places)
        mean_size = sum(sizes) / rows
        errors = []
        for place in places:
            error = np.abs(usable.y[place.first : place.last] - _forecast(usable, settings, place))
            if self.backtests.metric == "mase":
                errors.append(float(error.mean()) / place.scale)
            elif mean_size > 0:
                errors.append(float(error.sum()) / mean_size * len(places) / rows)
            else:
                raise ValueError("all readings of its backtests are 0, so that wape has no unit; use mase")
        if not all(map(math.isfinite, errors)):
            raise ValueError("its errors are beyond what can be computed")
        return [float(f"{error:.9g}") for error in errors]


def _forecast(usable: Readings, settings: TrainSettings, place: Origin) -> Vector:
    """Return the forecast of the rows after a cut-off, from the rows before it."""
    before = usable.rows(np.arange(place.first))
    after = usable.rows(np.arange(place.first, place.last))
    estimated = estimate(before, settings)
    arguments = {} if estimated.is_naive else column_arguments(after, settings)
    table = forecast(estimated.model, ForecastOptions(ds=after.ds, **arguments))
    yhat = np.asarray(table["yhat"], np.float64)
    return np.maximum(yhat, 0.0) if settings.non_negative else yhat


def digest_of_files(contents: Sequence[bytes]) -> str:
    """Return the SHA-256 of a customer's files."""
    found = hashlib.sha256()
    for content in contents:
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()


def _since(before: float) -> float:
    return round(time.process_time() - before, 6)
