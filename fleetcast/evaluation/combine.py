"""One customer's best forecast: backtests of all methods, their weights, and intervals from the errors.

Everything is chosen on the history alone: a method that forecasts what follows a cut-off is fitted to what
comes before it, gaps are filled from before it, and the errors for the intervals come from weights of the
other cut-offs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from fleetcast.evaluation.backtest import DEFAULT_CUTOFFS, cutoffs, default_horizon
from fleetcast.evaluation.calibrate import calibrated
from fleetcast.evaluation.weights import best_weights
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar.timestamps import Stamps
from fleetcast.forecasting.calibration import Calibration
from fleetcast.forecasting.correction import Correction
from fleetcast.forecasting.members import MEMBERS, GriddedHistory, residual_path

PROPHET: Final = "prophet"
CORRECTED_PROPHET: Final = "prophet+correction"
NAIVE: Final = "seasonal_naive"
_FAVOUR: Final = {NAIVE: 5.0}
"""Weight at the start: what the combined forecast is compared with should be in it."""
_MOST_PATH: Final = 1_000
_RESIDUAL_STEPS: Final = 700

Forecast: TypeAlias = Callable[[slice], Vector]
"""What a fitted model forecasts for rows of the history, by their place."""
FitBefore: TypeAlias = Callable[[int], Forecast]
"""Fits Prophet's model to so many of the first rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombineOptions:
    """Which methods are compared, and how."""

    members: tuple[str, ...] = (PROPHET, CORRECTED_PROPHET, *MEMBERS)
    cutoffs: int = DEFAULT_CUTOFFS
    horizon: int | None = None
    """Steps; None for `default_horizon`."""
    one_only: bool = False
    """Whether the best method alone forecasts, instead of the weighted mean."""
    margin: float = 0.05
    """With `one_only`: by which share of Prophet's error another method must be better."""


@dataclass(frozen=True, slots=True)
class Combined:
    """The methods of one customer with their weights and errors."""

    weights: Mapping[str, float]
    """By method, with sum 1; those that count nothing are left out."""
    errors: Mapping[str, float]
    """Mean absolute scaled error in the backtests, by method, and of the combined forecast as `combined`."""
    correction: Correction
    calibration: Calibration | None
    cutoffs: int
    horizon: int


@dataclass(frozen=True, slots=True)
class _Backtest:
    """What each method forecast after one cut-off."""

    step: Vector
    """Steps ahead of each row, from 0, shape (R,)."""
    y: Vector
    """Shape (R,)."""
    forecasts: dict[str, Vector] = field(repr=False)
    scale: float
    """Error of the seasonal naive forecast within the history before the cut-off."""


def combine(
    stamps: Stamps, y: Vector, freq: str, fit_before: FitBefore, options: CombineOptions
) -> Combined | None:
    """Return the combined forecast of readings `y` at ascending `stamps`, both of shape (N,), without NaN.

    It is None where the history has no equal steps or is too short for a backtest.
    """
    history = GriddedHistory.of(stamps, y, freq)
    if history is None:
        return None
    n, seasons = history.y.size, history.seasons
    horizon = min(options.horizon or default_horizon(n, seasons), _MOST_PATH)
    place = np.rint(history.steps.positions(stamps)).astype(np.int64) + n - 1
    tests = [
        test
        for at in cutoffs(n, horizon, seasons, count=options.cutoffs)
        if (test := _backtest(history, place, y, at, horizon, fit_before, options.members)) is not None
    ]
    if not tests:
        return None
    length = _path_length(horizon, seasons.short, seasons.long)
    usable = [name for name in options.members if all(name in test.forecasts for test in tests)]
    weights, *without = _chosen(usable, tests, options)
    paths = _paths(history, n, length, list(weights))
    if CORRECTED_PROPHET in weights:
        begin = _first_of_residuals(history, place, n)
        residual = y[begin:] - fit_before(len(y))(slice(begin, len(y)))
        paths[CORRECTED_PROPHET] = residual_path(_by_step(residual, place[begin:], n), seasons, length)
    share = sum(weight for name, weight in weights.items() if name in (PROPHET, CORRECTED_PROPHET))
    path = np.zeros(length)
    for name in weights.keys() & paths.keys():
        path += weights[name] * paths[name]
    correction = Correction(
        int(stamps[-1]), freq, share, path, _repeated(seasons.short, seasons.long, length)
    )
    held_out = _held_out_errors(tests, without, horizon)
    errors = {name: _mean_error(name, tests) for name in usable}
    scales = [test.scale for test in tests]
    errors["combined"] = float(np.mean(np.nanmean(np.abs(held_out), axis=1) / scales))
    return Combined(weights, errors, correction, calibrated(held_out, seasons.short), len(tests), horizon)


def _path_length(horizon: int, short: int, long: int) -> int:
    return min(max(horizon, 2 * long or 4 * short or 12), _MOST_PATH)


def _repeated(short: int, long: int, length: int) -> int:
    return next((season for season in (long, short) if 0 < season <= length), 1)


def _backtest(  # noqa: PLR0913 - the parts of one backtest, each by name
    history: GriddedHistory,
    place: Stamps,
    y: Vector,
    at: int,
    horizon: int,
    fit_before: FitBefore,
    members: Sequence[str],
) -> _Backtest | None:
    first, last = (int(i) for i in np.searchsorted(place, (at, at + horizon)))
    if first < 2 or last == first or not np.isfinite(history.y[:at]).any():  # noqa: PLR2004 - Prophet needs two
        return None
    step = place[first:last] - at
    forecasts = {name: path[step] for name, path in _paths(history, at, horizon, members).items()}
    if PROPHET in members or CORRECTED_PROPHET in members:
        begin = _first_of_residuals(history, place, at)
        yhat = fit_before(first)(slice(begin, last))
        forecasts[PROPHET] = yhat[first - begin :]
        if CORRECTED_PROPHET in members:
            residual = y[begin:first] - yhat[: first - begin]
            path = residual_path(_by_step(residual, place[begin:first], at), history.seasons, horizon)
            forecasts[CORRECTED_PROPHET] = forecasts[PROPHET] + path[step]
    grid = history.grid(at)
    season = grid.seasons.short or 1
    scale = float(np.abs(grid.y[season:] - grid.y[:-season]).mean())
    return _Backtest(step, y[first:last], forecasts, scale if scale > 0 else 1.0)


def _paths(history: GriddedHistory, n: int, length: int, members: Sequence[str]) -> dict[str, Vector]:
    """Return what each method forecasts from the first `n` steps; methods that cannot are left out."""
    grid = history.grid(n)
    found = {name: MEMBERS[name].forecast(grid, length) for name in members if name in MEMBERS}
    return {name: path for name, path in found.items() if path is not None and np.isfinite(path).all()}


def _first_of_residuals(history: GriddedHistory, place: Stamps, n: int) -> int:
    """Return the first row whose residual counts in what follows the first `n` steps."""
    return int(np.searchsorted(place, max(n - max(_RESIDUAL_STEPS, 4 * history.seasons.long), 0)))


def _by_step(residual: Vector, place: Stamps, n: int) -> Vector:
    """Return the residuals of ascending steps up to `n`, one for each step; 0 where nothing was read."""
    step = place - place[0]
    length = n - int(place[0])
    total = np.bincount(step, weights=residual, minlength=length)
    return np.asarray(total / np.maximum(np.bincount(step, minlength=length), 1), np.float64)


def _chosen(names: list[str], tests: list[_Backtest], options: CombineOptions) -> list[dict[str, float]]:
    """Return the weights that all backtests choose, then those that all but each one of them choose."""
    groups = [tests] + [[other for other in tests if other is not test] or tests for test in tests]
    if options.one_only:
        return [{_best(names, group, options.margin): 1.0} for group in groups]
    sizes = [test.y.size for test in tests]
    owner = np.repeat(np.arange(len(tests)), sizes)
    without = (
        owner != np.arange(len(tests))[:, None] if len(tests) > 1 else np.ones((1, owner.size), np.bool_)
    )
    counts = np.concatenate((np.ones((1, owner.size), np.bool_), without))
    forecasts = np.array([np.concatenate([t.forecasts[name] / t.scale for t in tests]) for name in names])
    y = np.concatenate([test.y / test.scale for test in tests])
    favour = np.array([_FAVOUR.get(name, 1.0) for name in names])
    return [
        {name: float(weight) for name, weight in zip(names, row, strict=True) if weight > 0}
        for row in best_weights(forecasts, y, favour, counts)
    ]


def _best(names: list[str], tests: list[_Backtest], margin: float) -> str:
    errors = {name: _mean_error(name, tests) for name in names}
    best = min(errors, key=errors.__getitem__)
    keeps_prophet = PROPHET in errors and errors[best] > (1 - margin) * errors[PROPHET]
    return PROPHET if keeps_prophet else best


def _held_out_errors(tests: list[_Backtest], weights: list[dict[str, float]], horizon: int) -> Matrix:
    """Return y - yhat by backtest and steps ahead, NaN where nothing was read."""
    errors = np.full((len(tests), horizon), np.nan)
    for row, test, chosen in zip(errors, tests, weights, strict=True):
        row[test.step] = test.y - sum(weight * test.forecasts[name] for name, weight in chosen.items())
    return errors


def _mean_error(name: str, tests: list[_Backtest]) -> float:
    return float(np.mean([np.abs(test.y - test.forecasts[name]).mean() / test.scale for test in tests]))
