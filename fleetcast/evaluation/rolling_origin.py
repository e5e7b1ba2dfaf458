"""Rolling origins: several cut-offs inside a history, each with the readings that followed it.

A method is fitted to the steps before a cut-off and compared with the `horizon` steps after it.

Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import MEMBERS, GriddedHistory, Seasons, residual_path

PROPHET: Final = "prophet"
CORRECTED_PROPHET: Final = "prophet+correction"
NAIVE: Final = "seasonal_naive"
METHODS: Final = (PROPHET, CORRECTED_PROPHET, *MEMBERS)
"""All methods, by name."""
DEFAULT_CUTOFFS: Final = 3
_RESIDUAL_STEPS: Final = 700
"""Number of last steps whose residuals are used, or four long seasons if those are more."""
_LEAST_ROWS: Final = 2
"""Fewest readings before a cut-off; with fewer, Prophet's model cannot be fitted."""
_LEAST_BEFORE: Final = 50
"""Fewest steps before a cut-off."""
_LONG_SEASONS_TO_LEARN_THEM: Final = 4
"""Fewest long seasons of a history whose cut-offs have two of them before."""
_LONG_SEASONS_FOR_LONG_HORIZON: Final = 5
"""Fewest long seasons of a history whose horizon is one of them."""
_WITHOUT_SEASON: Final = 6
"""Horizon without a season, in steps."""
_PARTS_OF_HORIZON: Final = 4
"""Neighbouring cut-offs are a quarter of the horizon apart, in whole short seasons."""


def method_table() -> str:
    """Return all methods as a table in Markdown, for the documentation."""
    rows = {
        PROPHET: "Prophet's model.",
        CORRECTED_PROPHET: "Prophet's model, plus a forecast of its residuals.",
    }
    rows |= {member.name: member.description for member in MEMBERS.values()}
    return "\n".join(
        ["| method | forecast |", "| --- | --- |", *(f"| `{n}` | {d} |" for n, d in rows.items())]
    )


@dataclass(frozen=True, slots=True)
class FittedProphet:
    """Prophet's model, fitted to the first rows of a history."""

    residuals: Vector
    """y - yhat of those rows, shape (rows,)."""
    forecast: Callable[[slice], Vector]
    """Returns yhat of the rows of the whole history that a slice selects."""


FitBefore: TypeAlias = Callable[[int], FittedProphet | None]
"""Fits Prophet's model to the first rows, whose number it takes; returns None where the fit fails."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """The forecasts of each method after one cut-off, and the readings there."""

    at: int
    """Number of steps before the cut-off."""
    step: Stamps
    """Steps ahead of each row, from 0, shape (R,)."""
    y: Vector
    """The readings, shape (R,)."""
    forecasts: dict[str, Vector] = field(repr=False)
    """By method, each of shape (R,); methods that cannot forecast this history are left out."""
    scale: float
    """Error of the seasonal naive forecast within the history before the cut-off, in units of y."""


def cutoffs(n: int, horizon: int, seasons: Seasons, *, count: int = DEFAULT_CUTOFFS) -> list[int]:
    """Return up to `count` numbers of steps, latest first, that come before a cut-off in `n` steps.

    Each cut-off has `horizon` steps after it; before it, it has two long seasons and some more where the
    history has four, else two short ones and some more, but at least 50 steps.  It is empty where the history
    is too short.
    """
    season = max(seasons.short, 1)
    apart = season * max(1, round(horizon / _PARTS_OF_HORIZON / season))
    longest = seasons.long if n >= _LONG_SEASONS_TO_LEARN_THEM * seasons.long else seasons.short
    least = max(_LEAST_BEFORE, 2 * longest + 2 * season)
    return [at for at in (n - horizon - i * apart for i in range(count)) if at >= least]


def default_horizon(n: int, seasons: Seasons) -> int:
    """Return the number of steps to forecast in the backtests of `n` steps, if no horizon is set.

    It is a long season where the history has five of them, else two short seasons; for weeks and months it
    is a quarter of a year, but at least 6 steps.  Without a season it is 6.
    """
    if seasons.long and n >= _LONG_SEASONS_FOR_LONG_HORIZON * seasons.long:
        return seasons.long
    if seasons.short >= 12:  # noqa: PLR2004 - years of months or weeks, days of two hours or less
        return 2 * seasons.short if seasons.long else max(seasons.short // 4, _WITHOUT_SEASON)
    return 2 * seasons.short or _WITHOUT_SEASON


def backtest(  # noqa: PLR0913, PLR0917 - the parts of one backtest
    history: GriddedHistory,
    y: Vector,
    at: int,
    horizon: int,
    fit_before: FitBefore,
    members: Sequence[str],
) -> Backtest | None:
    """Compare the methods, and the naive forecast, with the `horizon` steps after the first `at` steps.

    `y`, shape (N,), are the readings of the history's rows.  Returns None where there is nothing to compare,
    or where Prophet's model is to be compared and cannot be fitted.
    """
    first, last = (int(row) for row in np.searchsorted(history.place, (at, at + horizon)))
    if first < _LEAST_ROWS or last == first or not np.isfinite(history.y[:at]).any():
        return None
    step = history.place[first:last] - at
    paths = method_paths(history, at, horizon, dict.fromkeys((*members, NAIVE)))
    forecasts = {name: path[step] for name, path in paths.items()}
    if PROPHET in members or CORRECTED_PROPHET in members:
        if (fitted := fit_before(first)) is None:
            return None  # without Prophet's model the others would win unopposed
        forecasts[PROPHET] = yhat = fitted.forecast(slice(first, last))
        forecasts[CORRECTED_PROPHET] = yhat + residuals_ahead(fitted, history, at, horizon)[step]
    known = history.grid(at).y
    season = history.seasons.short or 1
    scale = float(np.abs(known[season:] - known[:-season]).mean()) if known.size > season else 0.0
    return Backtest(at, step, y[first:last], forecasts, scale if scale > 0 else 1.0)


def method_paths(history: GriddedHistory, n: int, length: int, names: Iterable[str]) -> dict[str, Vector]:
    """Return the forecasts from the first `n` steps by method, each of shape (length,).

    Prophet's methods are left out, and so are methods for which the history is too short.
    """
    grid = history.grid(n)
    paths = {name: MEMBERS[name].forecast(grid, length) for name in names if name in MEMBERS}
    return {name: path for name, path in paths.items() if path is not None and np.isfinite(path).all()}


def residuals_ahead(fitted: FittedProphet, history: GriddedHistory, n: int, length: int) -> Vector:
    """Return a forecast of the residuals of Prophet's model after the first `n` steps, shape (length,)."""
    rows = fitted.residuals.size
    place = history.place[:rows]
    begin = int(np.searchsorted(place, max(n - max(_RESIDUAL_STEPS, 4 * history.seasons.long), 0)))
    if begin == rows:
        return np.zeros(length)
    step = place[begin:] - place[begin]
    steps = n - int(place[begin])
    total = np.bincount(step, weights=fitted.residuals[begin:], minlength=steps)
    by_step = total / np.maximum(np.bincount(step, minlength=steps), 1)  # 0 at steps without a reading
    return residual_path(by_step, history.seasons, length)
