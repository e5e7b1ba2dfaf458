"""The part of other methods in a customer's forecast, from backtests of its readings."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import FutureError, HistoryError, SettingError
from fleetcast.evaluation import (
    Combined,
    CombineOptions,
    FittedProphet,
    Incumbent,
    combine,
    forecast_as_fleet,
    rounded_path,
)
from fleetcast.forecasting import (
    Combination,
    ForecastOptions,
    HolidayEffects,
    Model,
    fit_by_solver,
    forecast,
    known_effects,
)
from fleetcast.forecasting.features import Holidays
from fleetcast.forecasting.members import MOST_PATH, Correction, GriddedHistory
from fleetcast.global_model import Cycles, DatedModels
from fleetcast.readings.customer import Readings, Vector
from train.customer.arguments import column_arguments, fit_options
from train.customer.freq import freq_of
from train.settings import TrainSettings

_TOO_SHORT: Final = (
    "no backtest: the readings have no usual step or are too few, or no method in models can forecast them, "
    "or Fleetcast's solver cannot fit Prophet's model to their beginning"
)
PROPHET_ALONE: Final = f"{_TOO_SHORT}; Prophet's model forecasts alone"
AS_FLEET: Final = f"{_TOO_SHORT}; the methods that err least in the fleet forecast, with its intervals"
AS_ALL: Final = (
    "no backtest: the readings are fewer than two weeks of hours or four weeks of days; the model of all "
    "customers forecasts, with the intervals of its errors"
)


_LONG_SEASONS: Final = 2
"""Fewest long seasons of a history whose backtests say more than other customers do."""


def combined(
    readings: Readings,
    model: Model,
    settings: TrainSettings,
    options: CombineOptions,
    incumbent: Incumbent | None,
) -> tuple[Model, Combined | None]:
    """Return the model with the other methods' part and intervals, and the result of the backtests.

    Without a usual step, or with too few readings for a backtest, the result is None, and the model has the
    part that the statistics of a fleet suggest, or none.  It is also None with fewer readings than two long
    seasons, or than a long cycle without such a season, where the model of all customers can forecast:
    backtests of a few days say less than the fleet.
    """
    usable = readings.rows(np.isfinite(readings.y)).by_time()
    freq = freq_of(usable.ds)
    if freq is None:
        return model, None

    def fit_before(rows: int) -> FittedProphet | None:
        return fitted_before(usable, rows, model, settings)

    if incumbent is not None and incumbent.freq == freq_of(readings.ds):
        incumbent = replace(incumbent, freq=freq)  # its metadata.json counts rows without a reading
    stamps = usable.ds.astype("datetime64[us]").view(np.int64)
    of_all = settings.methods.global_models
    if of_all is not None and of_all.freq != freq:
        of_all = None
    if of_all is not None and not model.layout.regressors:
        as_all = _of_few_readings(stamps, usable.y, freq, of_all, options, model.layout.holidays)
        if as_all is not None:
            return replace(model, combination=as_all), None
    together = combine(stamps, usable.y, freq, fit_before, options, incumbent, of_all)
    if together is None:
        as_fleet = forecast_as_fleet(stamps, usable.y, freq, options)
        return (model if as_fleet is None else replace(model, combination=as_fleet)), None
    is_prophets = together.correction.share == 1 and not together.correction.path.any()
    own = Combination(
        origin=together.origin,
        freq=freq,
        correction=None if is_prophets else together.correction,
        calibration=together.calibration,
    )
    if own.correction is None and own.calibration is None:
        return model, together
    return replace(model, combination=own), together


def _of_few_readings(  # noqa: PLR0913, PLR0917 - a history, what forecasts it, and how
    stamps: NDArray[np.int64],
    y: Vector,
    freq: str,
    of_all: DatedModels,
    options: CombineOptions,
    holidays: Holidays | None,
) -> Combination | None:
    """Return the forecast of a short history by the model of all customers; see `combined`."""
    history = GriddedHistory.of(stamps, y, freq)
    cycles = None if history is None else Cycles.of(history.seasons)
    if history is None or cycles is None:
        return None
    if history.y.size >= (_LONG_SEASONS * history.seasons.long or cycles.long):
        return None
    last = int(stamps[-1])
    forecast = of_all.of_few_readings(history, last, min(2 * of_all.horizon, MOST_PATH), holidays)
    if forecast is None:
        return None
    return Combination(
        origin=last,
        freq=freq,
        correction=Correction(0.0, rounded_path(forecast.path)),
        calibration=forecast.calibration if options.calibrate else None,
    )


def fitted_before(usable: Readings, rows: int, whole: Model, settings: TrainSettings) -> FittedProphet | None:
    """Return Prophet's model of the first rows, None if the fit fails; `whole` is the model of all rows."""
    part = usable.rows(np.arange(rows))
    model = whole
    if rows < len(usable.y):
        try:
            options = fit_options(part.ds, settings)
            fitted = fit_by_solver(part.ds, part.y, options, **column_arguments(part, settings))
        except (ArithmeticError, HistoryError, SettingError, np.linalg.LinAlgError):
            return None
        if fitted is None:
            return None
        model = fitted

    point_only = replace(model, settings=replace(model.settings, uncertainty_samples=0))

    def at(selection: slice) -> Vector:
        asked = usable.rows(np.arange(len(usable.y))[selection])
        table = forecast(point_only, ForecastOptions(ds=asked.ds, **column_arguments(asked, settings)))
        return np.asarray(table["yhat"], np.float64)

    try:
        residuals = model.residuals
        if residuals is None or len(residuals) != rows:
            residuals = part.y - at(slice(0, rows))
    except FutureError:
        return None
    effects = _effects(usable, model, settings)
    last_row = column_arguments(usable.rows(np.array([len(usable.y) - 1])), settings)
    holidays = None if effects is None else HolidayEffects.of(model, last_row)
    return FittedProphet(residuals, at, effects, holidays)


def _effects(usable: Readings, model: Model, settings: TrainSettings) -> Vector | None:
    """Return what holidays and regressors add to each reading, shape (N,), in units of y.

    It is None where the model has neither, or the readings are too many for one forecast.
    """
    if model.layout.holidays is None and not model.layout.regressors:
        return None
    try:
        return known_effects(model, ForecastOptions(ds=usable.ds, **column_arguments(usable, settings)))
    except FutureError:
        return None


def opens_in_prophet(model: Model) -> str:
    """Return how stock Prophet forecasts this model, for `metadata.json`; empty for Prophet's own model."""
    if model.combination is None:
        return ""
    correction = model.combination.correction
    if correction is None:
        return "same"
    return "without correction" if correction.share > 0 else "base only"
