"""What a global model knows of a customer at an origin, and of a step that it forecasts: its features.

Levels are differences from the mean c of the last long cycle, in units of the scale q, the mean absolute
error of the forecast that repeats the last short cycle; so the features, and what the model learns, do not
depend on the unit of the readings.  Nothing is computed from a reading at or after the origin.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import DAY, Stamps
from fleetcast.forecasting.features import Holidays
from fleetcast.global_model.holidays import holiday_columns
from fleetcast.global_model.local import LOCAL_METHODS, LocalForecasts
from fleetcast.global_model.series import Cycles, Series

_HOUR: Final = 3_600_000_000
LONG_CYCLES: Final = 4
"""Long cycles before an origin that features are made from."""
_SHORT_LAGS: Final = 7
_SHORT_COLUMNS: Final = 4
"""Lags of a number of short cycles that are features of their own."""
_LONG_LAGS: Final = 4
_LONG_COLUMNS: Final = 3
_SHORT_SMOOTHING: Final = 0.3
_LONG_SMOOTHING: Final = 0.5
_ROUNDING: Final = 1e-9
"""Shares of the mean below this are rounding errors."""
_MOST: Final = 1e6
"""Largest size of a feature."""

_OF_STEP: Final = ("ahead", "hour")
_OF_ORIGIN: Final = (
    "day_std",
    "week_std",
    "change_of_day",
    "change_of_week",
    "recent_change_of_day",
    "recent_change_of_week",
    "day_change_of_week",
    "week_change",
    "correlation_of_day",
    "correlation_of_week",
    "correlation",
    "error_of_week",
    "variation",
    "variance",
    "readings",
)
_LEVELS_OF_ORIGIN: Final = ("day_mean", "week_min", "week_max", "last", "last_but_one")
_LEVELS: Final = (
    *(f"days_{k}" for k in range(1, _SHORT_COLUMNS + 1)),
    "days_1_before",
    "days_1_after",
    *(f"weeks_{k}" for k in range(1, _LONG_COLUMNS + 1)),
    "weeks_1_before",
    "weeks_1_after",
    "profile_of_weeks",
    "profile_of_days",
    "mean_around_weeks_1",
)
PLAIN_FEATURES: Final = (*_OF_STEP, *_LEVELS, *_LEVELS_OF_ORIGIN, *_OF_ORIGIN)
"""Names; a `day` stands for a short cycle, and a `week` for a long one."""
AHEAD: Final = PLAIN_FEATURES.index("ahead")
"""Place of the number of steps ahead, in both."""
STACKED_FEATURES: Final = (
    *PLAIN_FEATURES,
    *(f"path_{name}" for name in LOCAL_METHODS),
    "weighted_path",
    "spread",
    *(f"error_{name}" for name in LOCAL_METHODS),
    "least_error",
)
"""Names; those of `PLAIN_FEATURES`, and of the customer's own methods."""


@dataclass(frozen=True, slots=True)
class OnHolidays:
    """The holidays of one customer, and the features that trees have of holidays."""

    holidays: Holidays | None = None
    """None for a customer without holidays, whose features are 0."""
    features: tuple[str, ...] = ()
    """Names, behind all others; none for trees that know no holidays."""


NO_HOLIDAYS: Final = OnHolidays()


@dataclass(frozen=True, slots=True)
class Rows:
    """K steps ahead of each of P origins; a forecast is base + scale · the model's answer to x."""

    x: NDArray[np.float32]
    """Shape (P, K, F), NaN where a reading is missing."""
    base: Matrix
    """The forecast that the model corrects, in units of y, shape (P, K)."""
    scale: Matrix
    """q, in units of y, shape (P, 1); 0 where the readings repeat themselves: the base is not corrected."""


def feature_rows(  # noqa: PLR0913 - a history, what is asked of it, and what is known
    series: Series,
    origins: Stamps,
    ahead: Stamps,
    local: LocalForecasts | None = None,
    longest: Stamps | None = None,
    *,
    on: OnHolidays = NO_HOLIDAYS,
) -> Rows:
    """Return the features of the steps `ahead`, shape (P, K), from 1, of each of the origins, shape (P,).

    With `local`, the forecasts at these origins for at least as many steps, they are `STACKED_FEATURES` and
    the base is the methods' weighted mean; without, `PLAIN_FEATURES` and the profile of days.  Those of
    holidays come last.  `longest`, shape (P,), limits the number of steps before each origin that are used.
    """
    with np.errstate(all="ignore"):  # means of no reading are NaN, as they should be
        past = _Past.of(series, origins, longest)
        recent = past.at(past.origins + np.arange(-LONG_CYCLES * series.cycles.long, 0))
        level, scale = _level_and_scale(recent, series.cycles)
        unit = np.where(scale > 0, scale, 1.0)
        levels = _lagged(past, ahead) | _levels_of_origin(recent, series.cycles)
        times = series.times(past.origins + ahead - 1)
        columns = {"ahead": ahead, "hour": times % DAY / _HOUR}
        columns |= {name: (value - level) / unit for name, value in levels.items()}
        columns |= _of_origin(recent, series.cycles, level, unit)
        base = levels["profile_of_days"]
        if local is not None:
            base, own = _of_methods(local, ahead, level, unit)
            columns |= own
        cycles = series.cycles
        day, week = (-(-ahead // cycle) * cycle * series.step for cycle in (cycles.short, cycles.long))
        columns |= holiday_columns(on.holidays, on.features, times, times - day, times - week)
        names = (*(PLAIN_FEATURES if local is None else STACKED_FEATURES), *on.features)
        x = np.empty((*ahead.shape, len(names)), np.float32)
        for i, name in enumerate(names):
            x[:, :, i] = columns[name]
        np.clip(x, -_MOST, _MOST, out=x)
        return Rows(x, np.where(np.isfinite(base), base, level), scale)


@dataclass(frozen=True, slots=True)
class _Past:
    """The readings before each of P origins."""

    padded: Vector
    """The readings after as many NaN as lags reach back before the first."""
    padding: int
    origins: Stamps
    """Shape (P, 1)."""
    first: Stamps
    """First step that is used for each origin, shape (P, 1)."""
    cycles: Cycles

    @classmethod
    def of(cls, series: Series, origins: Stamps, longest: Stamps | None) -> "_Past":
        column = np.asarray(origins, np.int64)[:, None]
        first = np.zeros_like(column) if longest is None else np.maximum(column - longest[:, None], 0)
        padding = (LONG_CYCLES + 1) * series.cycles.long
        return cls(
            np.concatenate((np.full(padding, np.nan), series.y)), padding, column, first, series.cycles
        )

    def at(self, steps: Stamps) -> Matrix:
        """Return the readings at steps, shape (..., P, K); NaN from the origin on, and before the first."""
        values = self.padded.take(steps + self.padding, mode="clip")
        return np.where((steps >= self.first) & (steps < self.origins), values, np.nan)

    def mean(self, start: Stamps, size: int) -> Matrix:
        """Return means of `size` steps from `start`, shape (P, K); NaN with half of the readings or less."""
        is_reading = np.isfinite(self.padded)
        counts = np.concatenate(([0], np.cumsum(is_reading)))
        low = np.clip(np.maximum(start, self.first) + self.padding, 0, self.padded.size)
        high = np.clip(np.minimum(start + size, self.origins) + self.padding, low, self.padded.size)
        count = counts[high] - counts[low]
        sums = _window_sums(np.where(is_reading, self.padded, 0.0), low, high, size)
        return np.where(2 * count > size, sums / count, np.nan)


def _window_sums(values: Vector, low: Stamps, high: Stamps, size: int) -> Matrix:
    """Return the sums of values from `low` up to before `high`, at most `size` of them, of the shape of both.

    The values are summed in blocks of `size`, of which a window touches two at most: in one running sum over
    all of them a single very large value would take the digits of all that follow.
    """
    blocks = np.zeros((values.size // size + 1, size))
    blocks.ravel()[: values.size] = values
    to_end = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    before = np.concatenate((np.zeros((len(blocks), 1)), np.cumsum(blocks, axis=1)), axis=1)
    (block, place), (last_block, last_place) = np.divmod(low, size), np.divmod(high, size)
    within = before[last_block, last_place] - before[block, place]
    return np.where(block == last_block, within, to_end[low] + before[last_block, last_place])


def _level_and_scale(recent: Matrix, cycles: Cycles) -> tuple[Matrix, Matrix]:
    """Return c and q, both of shape (P, 1)."""
    week = recent[:, -cycles.long :]
    level = _mean(week)
    error = _mean(np.abs(recent[:, cycles.short :] - recent[:, : -cycles.short]))
    error = np.where(np.isnan(error), _deviation(week), error)  # no two readings are a cycle apart
    least = _ROUNDING * np.fmax.reduce(np.abs(week), axis=1, keepdims=True)
    scale = np.where((error > least) & (error < np.inf), error, 0.0)
    return level, scale


def _mean(values: Matrix) -> Matrix:
    """Return the mean of each row without its NaN, shape (P, 1); NaN for a row without a number."""
    is_reading = ~np.isnan(values)
    sums = np.add.reduce(np.where(is_reading, values, 0.0), axis=1, keepdims=True)
    return np.asarray(sums / np.add.reduce(is_reading, axis=1, keepdims=True), np.float64)


def _deviation(values: Matrix) -> Matrix:
    """Return the standard deviation of each row without its NaN, shape (P, 1)."""
    from_mean = values - _mean(values)
    return np.sqrt(_mean(from_mean * from_mean))


def _lagged(past: _Past, ahead: Stamps) -> dict[str, Matrix]:
    """Return the readings whole cycles before each step, their neighbours and weighted means."""
    short, long = past.cycles.short, past.cycles.long
    step = past.origins + ahead - 1
    day, week = -(-ahead // short) * short, -(-ahead // long) * long
    days, weeks = step - day, step - week
    at = past.at(
        np.array(
            [
                *(days - short * k for k in range(_SHORT_LAGS)),
                *(weeks - long * k for k in range(_LONG_LAGS)),
                *(days - 1, days + 1, weeks - 1, weeks + 1),
            ]
        )
    )
    of_days, of_weeks = at[:_SHORT_LAGS], at[_SHORT_LAGS : _SHORT_LAGS + _LONG_LAGS]
    return {
        **{f"days_{k + 1}": of_days[k] for k in range(_SHORT_COLUMNS)},
        "days_1_before": at[-4],
        "days_1_after": at[-3],
        **{f"weeks_{k + 1}": of_weeks[k] for k in range(_LONG_COLUMNS)},
        "weeks_1_before": at[-2],
        "weeks_1_after": at[-1],
        "profile_of_weeks": _weighted(of_weeks, _LONG_SMOOTHING),
        "profile_of_days": _weighted(of_days, _SHORT_SMOOTHING),
        "mean_around_weeks_1": past.mean(weeks - short // 2, short),
    }


def _weighted(lags: NDArray[np.float64], smoothing: float) -> Matrix:
    """Return the exponentially weighted mean of the lags, the latest first, without those that are NaN.

    The lags are of shape (L, P, K), and the mean of shape (P, K).
    """
    is_reading = ~np.isnan(lags)
    weights = (1 - smoothing) ** np.arange(len(lags))[:, np.newaxis, np.newaxis] * is_reading
    total = np.add.reduce(weights * np.where(is_reading, lags, 0.0), axis=0)
    return np.asarray(total / np.add.reduce(weights, axis=0), np.float64)


def _levels_of_origin(recent: Matrix, cycles: Cycles) -> dict[str, Matrix]:
    week = recent[:, -cycles.long :]
    return {
        "day_mean": _mean(recent[:, -cycles.short :]),
        "week_min": np.fmin.reduce(week, axis=1, keepdims=True),
        "week_max": np.fmax.reduce(week, axis=1, keepdims=True),
        "last": recent[:, -1:],
        "last_but_one": recent[:, -2:-1],
    }


def _of_origin(recent: Matrix, cycles: Cycles, level: Matrix, unit: Matrix) -> dict[str, Matrix]:
    """Return spreads, changes and correlations before each origin, shape (P, 1), in units of the scale."""
    short, long = cycles.short, cycles.long
    few = max(2, short // 4)
    in_units = (recent - level) / unit  # squares of readings may be too large, or too small, for numbers

    def change(size: int, lag: int) -> Matrix:
        now, then = in_units[:, -size:], in_units[:, -size - lag : recent.shape[1] - lag]
        return _mean(now - then)

    deviation = in_units - _mean(in_units)
    variance = _mean(deviation * deviation)

    def correlation(lag: int) -> Matrix:
        products = _mean(deviation[:, lag:] * deviation[:, :-lag])
        return np.where(variance > 0, products / variance, np.nan)

    return {
        "day_std": _deviation(in_units[:, -short:]),
        "week_std": _deviation(in_units[:, -long:]),
        "change_of_day": change(1, short),
        "change_of_week": change(1, long),
        "recent_change_of_day": change(few, short),
        "recent_change_of_week": change(few, long),
        "day_change_of_week": change(short, long),
        "week_change": change(long, long),
        "correlation_of_day": correlation(short),
        "correlation_of_week": correlation(long),
        "correlation": correlation(1),
        "error_of_week": _mean(np.abs(in_units[:, long:] - in_units[:, :-long])),
        "variation": unit / np.where(level == 0, np.nan, np.abs(level)),
        "variance": np.sqrt(variance),
        "readings": np.isfinite(recent).sum(axis=1, keepdims=True) / short,
    }


def _of_methods(
    local: LocalForecasts, ahead: Stamps, level: Matrix, unit: Matrix
) -> tuple[Matrix, dict[str, Matrix]]:
    """Return the weighted mean of the methods, shape (P, K), and their features."""
    paths = np.take_along_axis(local.paths, (ahead - 1)[:, None, :], 2)
    weights = local.weights(unit)[:, :, None]
    mean = (weights * paths).sum(axis=1)
    spread = np.sqrt((weights * ((paths - mean[:, None]) / unit[:, None]) ** 2).sum(axis=1))
    log = local.log_errors(unit)
    return mean, {
        **{f"path_{name}": (paths[:, i] - level) / unit for i, name in enumerate(LOCAL_METHODS)},
        "weighted_path": (mean - level) / unit,
        "spread": spread,
        **{f"error_{name}": log[:, i : i + 1] for i, name in enumerate(LOCAL_METHODS)},
        "least_error": local.errors.min(axis=1, keepdims=True) / unit,
    }
