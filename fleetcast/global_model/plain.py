"""Forecasts of the plain global model: from a customer's readings alone, without a fit and without XGBoost.

Up to the horizon of the training each step is forecast as it was trained.  Beyond it the trees cannot say
how far ahead a step is: they forecast one more long cycle as if it came right at the horizon, with the
readings at the same hour of the day and the week, and this cycle repeats without end; only holidays count on
the days on which they are.  Intervals grow no wider there.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from msgspec import UNSET

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import (
    DAY,
    Stamps,
    datetimes,
    future_stamps,
    iso,
    microseconds,
    parse_frequency,
)
from fleetcast.forecasting.features import Holidays
from fleetcast.forecasting.members import GriddedHistory, seasons_of
from fleetcast.forecasting.predict import (
    Table,
    check_columns,
    check_finite,
    column_probabilities,
    without_negatives,
)
from fleetcast.global_model.features import (
    AHEAD,
    LONG_CYCLES,
    PLAIN_FEATURES,
    OnHolidays,
    feature_rows,
)
from fleetcast.global_model.holidays import StoredHolidays, columns_of_steps
from fleetcast.global_model.model import GlobalModel, Part
from fleetcast.global_model.relative_errors import Errors
from fleetcast.global_model.series import Cycles, Series, step_length
from fleetcast.global_model.training_rows import LEAST_SHORT_CYCLES, TrainingRows
from fleetcast.global_model.trees import Trees

_READINGS: Final = PLAIN_FEATURES.index("readings")
_INTERVAL_WIDTH: Final = 0.8
"""The share between yhat_lower and yhat_upper, as Prophet's default has it."""
_MOST_DENSE: Final = 1.5
"""Most readings of different times per step; more come from a finer spacing."""
_MOST_SPARSE: Final = 1.25
"""Most steps between readings, as a median; more are a coarser spacing, such as two hours, and no gaps."""


def plain_path(model: GlobalModel, series: Series, horizon: int, holidays: Holidays | None = None) -> Vector:
    """Return the forecast of the `horizon` steps after a series, shape (horizon,), in units of y.

    Trees that have features of holidays know those of the customer, `holidays`.  Raises ModelFormatError if
    the model has no plain trees for this version's features, and FutureError if the series has other steps
    than the model, or fewer than 3 short cycles.
    """
    return _Forecast.of(model, series, horizon, holidays).at(np.arange(horizon))


def check_plain(model: GlobalModel) -> None:
    """Raise ModelFormatError for a model that cannot forecast any history."""
    if _plain_part(model).of_holidays("plain") and model.settings.holidays is UNSET:
        raise ModelFormatError("this global model has features of holidays, and no holidays")
    _step_and_cycles(model.settings.freq)


def plain_scale(series: Series) -> float:
    """Return the scale q after a series, in units of y; see `features`."""
    rows = feature_rows(series, np.array([series.y.size]), np.ones((1, 1), np.int64))
    return float(rows.scale[0, 0])


def forecast_history(model: GlobalModel, stamps: Stamps, y: Vector, options: ForecastOptions) -> Table:
    """Forecast the steps after the last reading of a history, or the timestamps `options.ds`.

    `stamps`, shape (N,), are microseconds since 1970 in any order; `y`, shape (N,), are the readings, NaN
    where there is none.  Several readings of a step count as their mean, and those of the last 4 long cycles
    are used.  `options.freq` must be the model's step, or None for it.  Holidays are those of the model.

    Returns the columns of `forecast_many`, ascending in time.  Intervals come from the errors that the model
    made for customers that did not train it, in units of q, the mean error of repeating the last short cycle
    (see `features`); a history that repeats itself exactly has q = 0: it is repeated, and its intervals have
    no width.  A model without such errors returns no intervals.

    Raises FutureError, with the reason, if the model cannot forecast this history or these options, and
    ModelFormatError as `plain_path` does.
    """
    _check(options)
    series, exponent = _series(stamps, y, model.settings.freq)
    ds, ahead = _future(series, options, model.settings.freq)
    holidays = None
    if isinstance(model.settings.holidays, StoredHolidays):
        model.settings.holidays.check(np.concatenate((stamps, ds)))
        holidays = model.settings.holidays.holidays()
    found = _Forecast.of(model, series, int(np.ceil(ahead[-1])), holidays)
    middle = _between_steps(ahead, found)
    columns, probabilities = {}, _probabilities(model, options)
    if model.settings.plain_errors is not None:
        readings = np.count_nonzero(np.isfinite(series.y)) / series.cycles.short
        intervals = model.settings.plain_errors.times(found.scale, readings)
        for name, probability in probabilities.items():
            columns[f"yhat_{name}"] = middle + intervals.offsets(ahead, probability)
    columns["yhat"] = middle
    table: Table = {"ds": datetimes(ds)}
    with np.errstate(over="ignore"):
        table |= {name: np.ldexp(column, exponent) for name, column in columns.items()}
    for name in columns:
        check_finite(table[name], ())
    return without_negatives(table, probabilities) if options.non_negative else table


def plain_errors(trees: Trees, rows: TrainingRows) -> Errors:
    """Return the errors of plain trees on rows of `plain_rows` that did not train them."""
    errors = np.asarray(rows.target - trees.predict(rows.x), np.float64)
    ahead, readings = (rows.x[:, column].astype(np.float64) for column in (AHEAD, _READINGS))
    return Errors(errors, ahead.astype(np.int64), readings)


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """The forecast of any number of steps after a series."""

    model: GlobalModel
    series: Series
    part: Part
    on: OnHolidays
    values: Vector
    """The steps that differ but for holidays, in units of y: up to a long cycle beyond the training's."""
    scale: float
    """q, in units of y."""

    @classmethod
    def of(cls, model: GlobalModel, series: Series, horizon: int, holidays: Holidays | None) -> "_Forecast":
        """Return the forecast of at most `horizon` steps; raises as `plain_path` does."""
        part = _plain_part(model)
        freq, cycles, trained = model.settings.freq, series.cycles, model.settings.horizon
        if series.step != step_length(freq):
            raise FutureError(f"the global model forecasts steps of {freq!r} and no others")
        if series.y.size < LEAST_SHORT_CYCLES * cycles.short:
            raise FutureError(
                f"history must span at least {LEAST_SHORT_CYCLES * cycles.short} steps of {freq!r}; "
                f"it spans {series.y.size} from its first reading to its last"
            )
        on = OnHolidays(holidays, part.of_holidays("plain"))
        steps = np.arange(min(horizon, trained + cycles.long))
        usual = _At(steps, steps, None)
        values, scale = usual.forecast(part, series, on, trained)
        return cls(model, series, part, on, values, scale)

    def at(self, step: Stamps) -> Vector:
        """Return the forecast of steps, the first being 0, shape (N,)."""
        trained = self.model.settings.horizon
        place = _repeated(step, self.model, self.series)
        found = self.values[place]
        if self.on.holidays is None or not self.on.features:
            return found
        days = self.series.times(self.series.y.size + step) // DAY
        is_special = (step >= trained) & self.on.holidays.features(days * DAY).any(axis=1)
        if is_special.any():
            special = _At(place[is_special], step[is_special], self.on.holidays)
            found[is_special], _ = special.forecast(self.part, self.series, self.on, trained)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """N steps to forecast, the first after a series being 0."""

    place: Stamps
    """The step whose readings before it are looked up, shape (N,)."""
    step: Stamps
    """The step itself, shape (N,)."""
    late: Holidays | None
    """The holidays that count on steps beyond the training's; None where all of these are usual days."""

    def forecast(self, part: Part, series: Series, on: OnHolidays, trained: int) -> tuple[Vector, float]:
        """Return the forecast, shape (N,), and the scale q, in units of y."""
        rows = feature_rows(series, np.array([series.y.size]), self.place[np.newaxis] + 1, on=on)
        x, scale = rows.x[0], float(rows.scale[0, 0])
        x[:, AHEAD] = np.minimum(x[:, AHEAD], trained)
        is_late = self.step >= trained
        times = series.times(series.y.size + self.step[is_late])
        for name, column in columns_of_steps(self.late, on.features, times).items():
            x[is_late, part.features.index(name)] = column
        return rows.base[0] + scale * part.trees.predict(x), scale


def _plain_part(model: GlobalModel) -> Part:
    part = model.parts.get("plain")
    if part is None:
        raise ModelFormatError("this global model has no trees for forecasts from a history")
    if not part.is_of("plain"):
        raise ModelFormatError(
            "this global model has other features than this version of Fleetcast computes; train it again"
        )
    return part


def _repeated(step: Stamps, model: GlobalModel, series: Series) -> Stamps:
    """Return the place of a step, the first being 0, among the forecasts that differ."""
    trained, long = model.settings.horizon, series.cycles.long
    return np.where(step < trained + long, step, trained + (step - trained) % long)


def _between_steps(ahead: Vector, found: _Forecast) -> Vector:
    """Return the forecast so many steps ahead: a straight line between two steps, and step 1 before it."""
    step = np.maximum(np.floor(ahead), 1.0)
    part = np.maximum(ahead - step, 0.0)
    place = step.astype(np.int64) - 1
    middle = found.at(place)
    if part.any():
        is_between = part > 0
        following = found.at(place[is_between] + 1)
        middle[is_between] += part[is_between] * (following - middle[is_between])
    return middle


def _check(options: ForecastOptions) -> None:
    """Raise FutureError for options that need a fitted Prophet model."""
    check_columns(options, logistic=False, has_floor=False, regressors=(), conditions=())
    if options.components:
        raise FutureError("components: a forecast from a history has none; leave them out")
    if options.include_history:
        raise FutureError("include_history: a forecast from a history has no values for its past")


def _series(stamps: Stamps, y: Vector, freq: str) -> tuple[Series, int]:
    """Return the readings at equal steps, and the power of two that they are to be multiplied by.

    Without it, squares of very large and very small readings would be no numbers; the factor is exact.
    """
    if np.isinf(y).any():
        raise FutureError("history.y must hold finite numbers, and null where there is no reading")
    is_reading = ~np.isnan(y)
    order = np.argsort(stamps[is_reading], kind="stable")
    stamps, y = stamps[is_reading][order], y[is_reading][order]
    step, cycles = _step_and_cycles(freq)
    if not stamps.size:
        raise FutureError("history has no reading; y must hold at least one number")
    used = stamps > stamps[-1] - LONG_CYCLES * cycles.long * step
    stamps, y = stamps[used], y[used]
    exponent = int(np.frexp(np.abs(y).max())[1])
    history = GriddedHistory.of(stamps, np.ldexp(y, -exponent), freq)
    series = Series.of(history, int(stamps[-1]), freq)
    times = np.unique(stamps)
    is_sparse = times.size > 1 and np.median(np.diff(times)) > _MOST_SPARSE * step
    if series is None or is_sparse or times.size > _MOST_DENSE * np.isfinite(series.y).sum():
        raise FutureError(
            f"history must have one reading for each step of {freq!r}, and for at least half of them; "
            + _described(stamps)
        )
    return series, exponent


def _step_and_cycles(freq: str) -> tuple[int, Cycles]:
    step, cycles = step_length(freq), Cycles.of(seasons_of(parse_frequency(freq)))
    if step is None or cycles is None:
        raise ModelFormatError(f"a global model cannot have steps of {freq!r}")
    return step, cycles


def _described(stamps: Stamps) -> str:
    first, last = iso(stamps[[0, -1]])
    times = np.unique(stamps)
    if times.size == 1:
        return f"its only reading is that of {first}"
    usual = timedelta(microseconds=float(np.median(np.diff(times))))
    return f"it has {times.size} from {first} to {last}, usually {usual} (h:mm:ss) apart"


def _future(series: Series, options: ForecastOptions, freq: str) -> tuple[Stamps, Vector]:
    """Return the timestamps to forecast, ascending, and how many steps after the last reading each is."""
    if options.freq is not None and step_length(options.freq) != series.step:
        raise FutureError(f"freq must be {freq!r}, the step of the global model, or null for it")
    if options.ds is not None:
        ds = np.sort(microseconds(options.ds))
    else:
        step = f"{series.step}us" if options.freq is None else options.freq
        ds = future_stamps(np.array([series.last]), options.periods, step)
    if ds[0] <= series.last:
        last = iso(np.array([series.last]))[0]
        raise FutureError(f"ds must be later than the last reading of the history, {last}")
    return ds, (ds - series.last) / series.step


def _probabilities(model: GlobalModel, options: ForecastOptions) -> dict[str, float]:
    """Return the probabilities of the quantiles by the ending of their column; none without intervals."""
    if model.settings.plain_errors is not None:
        return column_probabilities(_INTERVAL_WIDTH, options)
    if options.quantiles or options.interval_width is not None:
        raise FutureError(
            "this global model has no intervals for forecasts from a history; leave out quantiles and "
            "interval_width"
        )
    return {}
