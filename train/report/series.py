"""What a picture of one customer shows: the end of the history, and the model's forecast from its archive."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from container import Paths
from fleetcast.archive import SUFFIX, read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from fleetcast.readings.customer import Readings, Times, Vector
from train.channel import Customer
from train.customer import column_arguments, file_contents, load_readings
from train.settings import TrainSettings

READINGS_SHOWN: Final = 400
STEPS_AHEAD: Final = 60


@dataclass(frozen=True, slots=True)
class Series:
    """Readings `y` at `ds`, shape (rows,), and a forecast with its interval at `times`, shape (times,)."""

    ds: Times
    y: Vector
    times: Times
    """Ascending: those of the readings, and some ahead where the forecast needs no values of the future."""
    yhat: Vector
    lower: Vector
    upper: Vector


def load_series(paths: Paths, customer: Customer, settings: TrainSettings) -> Series:
    """Read a customer's files and archive again, and forecast.

    Only the end of a job knows which customers are shown, so that no worker can send this along; and a
    customer whose archive was up to date has not been read at all.

    Raises ArchiveError, FutureError, ReadingsError, UnusableFileError or OSError.
    """
    settings = settings.for_customer(customer.name)
    readings = load_readings(customer, file_contents(customer), settings).by_time()
    model = loads(read_archive(paths.checkpoints / f"{customer.name}{SUFFIX}").model)
    readings = readings.rows(np.isfinite(readings.y))
    shown = readings.rows(np.arange(len(readings.y)) >= len(readings.y) - READINGS_SHOWN)
    times = _times(shown, settings)
    arguments = column_arguments(shown, settings) if len(times) == len(shown.ds) else {}
    table = forecast(model, ForecastOptions(ds=times, non_negative=settings.non_negative, **arguments))
    yhat = table["yhat"]
    return Series(
        shown.ds, shown.y, table["ds"], yhat, table.get("yhat_lower", yhat), table.get("yhat_upper", yhat)
    )


def _times(shown: Readings, settings: TrainSettings) -> Times:
    needs_values = settings.columns or settings.bounds or shown.columns
    if needs_values or len(shown.ds) < 2:  # noqa: PLR2004 -- a spacing needs two
        return shown.ds
    spacing = np.median(np.diff(shown.ds).astype(np.int64)).astype("timedelta64[us]")
    return np.concatenate([shown.ds, shown.ds[-1] + spacing * np.arange(1, STEPS_AHEAD + 1)])
