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
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import (
    MEMBERS,
    MOST_PATH,
    Calibration,
    Correction,
    GriddedHistory,
    residual_path,
)

PROPHET: Final = "prophet"
CORRECTED_PROPHET: Final = "prophet+correction"
NAIVE: Final = "seasonal_naive"
_FAVOUR: Final = {NAIVE: 5.0}
"""Weight at the start: what the combined forecast is compared with should be in it."""
_DIGITS: Final = 6
_RESIDUAL_STEPS: Final = 700


@dataclass(frozen=True, slots=True)
class FittedProphet:
    """Prophet's model, fitted to the first rows of a history."""

    residuals: Vector
    """y - yhat of those rows, shape (rows,)."""
    forecast: Callable[[slice], Vector]
    """What it forecasts for rows of the whole history, by their place."""


FitBefore: TypeAlias = Callable[[int], FittedProphet]
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
    origin: int
    """The last reading's time, in microseconds since 1970."""
    freq: str
    correction: Correction
    calibration: Calibration | None
    """None where there are too few errors for intervals."""
    cutoffs: int
    horizon: int


@dataclass(frozen=True, slots=True)
class _Backtest:
    """What each method forecast after one cut-off."""

    step: Stamps
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
    horizon = min(options.horizon or default_horizon(n, seasons), MOST_PATH)
    place = history.place
    tests = [
        test
        for at in cutoffs(n, horizon, seasons, count=options.cutoffs)
        if (
            test := _backtest(
                history, place, y, at=at, horizon=horizon, fit_before=fit_before, members=options.members
            )
        )
        is not None
    ]
    if not tests:
        return None
    length = _path_length(horizon, seasons.short, seasons.long)
    usable = [name for name in options.members if all(name in test.forecasts for test in tests)]
    weights, *without = _chosen(usable, tests, options)
    paths = _paths(history, n, length, list(weights))
    if CORRECTED_PROPHET in weights:
        paths[CORRECTED_PROPHET] = _residual_path(fit_before(len(y)), history, place, n, length)
    correction = Correction(
        share=_share_of_prophet(weights, paths),
        path=_rounded(
            sum((weights[name] * paths[name] for name in weights if name in paths), np.zeros(length))
        ),
        season=_repeated(seasons.short, seasons.long, length),
    )
    held_out = _held_out_errors(tests, without, horizon)
    errors = {name: _mean_error(name, tests) for name in usable}
    scales = [test.scale for test in tests]
    errors["combined"] = float(np.mean(np.nanmean(np.abs(held_out), axis=1) / scales))
    return Combined(
        weights=weights,
        errors=errors,
        origin=int(stamps[-1]),
        freq=freq,
        correction=correction,
        calibration=calibrated(held_out, seasons.short),
        cutoffs=len(tests),
        horizon=horizon,
    )


def _share_of_prophet(weights: Mapping[str, float], paths: Mapping[str, Vector]) -> float:
    """Return what the other methods leave; a method that fails on the whole history leaves its part too."""
    others = sum(weight for name, weight in weights.items() if name in paths and name != CORRECTED_PROPHET)
    return round(max(1 - others, 0.0), 6)


def _rounded(path: Vector) -> Vector:
    """Return the path to six digits of its largest value, so that the archive stays small."""
    largest = float(np.abs(path).max())
    if not largest > 0:
        return path
    return np.round(path, int(_DIGITS - 1 - np.floor(np.log10(largest))))


def _path_length(horizon: int, short: int, long: int) -> int:
    return min(max(horizon, 2 * long or 4 * short or 12), MOST_PATH)


def _repeated(short: int, long: int, length: int) -> int:
    return next((season for season in (long, short) if 0 < season <= length), 1)


def _backtest(  # noqa: PLR0913 - the parts of one backtest, each by name
    history: GriddedHistory,
    place: Stamps,
    y: Vector,
    *,
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
        fitted = fit_before(first)
        forecasts[PROPHET] = fitted.forecast(slice(first, last))
        if CORRECTED_PROPHET in members:
            path = _residual_path(fitted, history, place, at, horizon)
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


def _residual_path(
    fitted: FittedProphet, history: GriddedHistory, place: Stamps, n: int, length: int
) -> Vector:
    """Return how the residuals of Prophet's model go on after the first `n` steps, shape (length,)."""
    rows = fitted.residuals.size
    begin = int(np.searchsorted(place[:rows], max(n - max(_RESIDUAL_STEPS, 4 * history.seasons.long), 0)))
    step = place[begin:rows] - place[begin]
    steps = n - int(place[begin])
    total = np.bincount(step, weights=fitted.residuals[begin:], minlength=steps)
    by_step = total / np.maximum(np.bincount(step, minlength=steps), 1)  # 0 where nothing was read
    return residual_path(by_step, history.seasons, length)


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
