"""Rolling origins: several cut-offs inside a history, each with the readings that followed it.

A method is fitted to the steps before a cut-off and compared with the `horizon` steps after it.

Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, TypeAlias

import numpy as np

from fleetcast.evaluation.season import naive_error_of_grid
from fleetcast.forecasting import HolidayEffects
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import MEMBERS, GriddedHistory, Seasons, forecasts

PROPHET: Final = "prophet"
CORRECTED_PROPHET: Final = "prophet+correction"
NAIVE: Final = "seasonal_naive"
METHODS: Final = (PROPHET, CORRECTED_PROPHET, *MEMBERS)
"""All methods that backtests choose among, by name."""
GLOBAL: Final = "global"
"""Name of the model of all customers, whose weight no backtest chooses."""
DEFAULT_CUTOFFS: Final = 3
_RESIDUAL_STEPS: Final = 700
"""Number of last steps whose residuals are used, or four long seasons if those are more."""
_LEAST_ROWS: Final = 2
"""Fewest readings before a cut-off; with fewer, Prophet's model cannot be fitted."""
_ENOUGH_BEFORE: Final = 50
"""Fewest steps before a cut-off, where the history has them."""
_LEAST_BEFORE: Final = 14
"""Fewest steps before any cut-off."""
_MORE_THAN_A_SEASON: Final = 2
"""Fewest steps before any cut-off besides a short season."""
_LONG_SEASONS_TO_LEARN_THEM: Final = 4
"""Fewest long seasons of a history whose cut-offs have two of them before."""
_LONG_SEASONS_FOR_LONG_HORIZON: Final = 5
"""Fewest long seasons of a history whose horizon is one of them."""
_WITHOUT_SEASON: Final = 6
"""Horizon without a season, and the shortest of a backtest, in steps."""


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
    effects: Vector | None = None
    """What holidays and regressors add to yhat of each row of the whole history, in units of y, shape (N,);
    None if the model has neither."""
    holidays: HolidayEffects | None = None
    """Its holidays; None if the model has none."""


FitBefore: TypeAlias = Callable[[int], FittedProphet | None]
"""Fits Prophet's model to the first rows, whose number it takes; returns None where the fit fails."""


class GlobalForecasts(Protocol):
    """Forecasts of one customer's readings by models of all customers."""

    def paths(
        self,
        histories: Sequence[GriddedHistory],
        last: int,
        ends: Sequence[int],
        length: int,
        effects: Sequence[HolidayEffects | None] = (),
    ) -> list[Vector | None]:
        """Return a forecast from the first `ends` steps of each history, in units of y, of shape (length,).

        The histories have the same steps, the last of them at the time `last`, in microseconds since 1970.  A
        forecast is None where every model has learnt from later readings, or the steps are too few.
        `effects` are those of the holidays that were taken out of each history, and come back later.
        """


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
    """Size of an error that counts as 1, in units of y, above 0: the error of the seasonal naive forecast
    within the history before the cut-off, if it errs there."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The forecasts of the steps after a whole history."""

    paths: Mapping[str, Vector]
    """By method, in units of y; that of the corrected Prophet is the correction alone, and Prophet's own is
    left out."""
    without_effects: frozenset[str]
    """The methods whose path has no effects of holidays and regressors, which are still to be added."""


def cutoffs(n: int, horizon: int, seasons: Seasons, *, count: int = DEFAULT_CUTOFFS) -> tuple[list[int], int]:
    """Return the numbers of steps before up to `count` cut-offs in `n` steps, latest first, and the horizon.

    The horizon is that of all of them, in steps: the one asked for, if the history has room for it.  Before
    each are two long seasons and some more where the history has four, else two short ones and some more, but
    at least 50 steps; where that leaves no room, a short season and a little more, and 50 steps if those fit.
    A history too short even for that has one cut-off, and a shorter horizon.

    Neighbouring cut-offs are half a horizon apart, or a whole one if that is at most two short seasons, in
    whole short seasons; less, if the history has no room for all.
    """
    season = max(seasons.short, 1)
    longest = seasons.long if n >= _LONG_SEASONS_TO_LEARN_THEM * seasons.long else seasons.short
    shortest = max(season + _MORE_THAN_A_SEASON, _LEAST_BEFORE)
    enough = (max(_ENOUGH_BEFORE, 2 * longest + 2 * season), max(_ENOUGH_BEFORE, shortest), shortest)
    least = next((steps for steps in enough if steps + horizon <= n), shortest)
    fewest = min(horizon, max(season // 2, _WITHOUT_SEASON))
    if (horizon := min(horizon, n - least)) < fewest:
        return [], horizon
    seasons_apart = -(-horizon // season) if horizon <= 2 * season else round(horizon / 2 / season)
    apart = season * seasons_apart
    if (room := n - horizon - least) < apart * (count - 1):
        apart = room // (count - 1)
        apart = max(apart // season * season or apart, 1)
    places = (n - horizon - i * apart for i in range(count))
    return [at for at in places if at >= least], horizon


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


@dataclass(frozen=True, slots=True)
class Origin:
    """A cut-off in a history, as rows of it: what may be seen, and what follows."""

    first: int
    """Number of rows before the cut-off, the only ones that a forecast may use."""
    last: int
    """Number of rows up to the end of the steps to forecast: rows `first` to `last - 1` are compared."""
    scale: float
    """Size of an error that counts as 1, in units of y, above 0; see `Backtest.scale`."""


def origins(
    stamps: Stamps, y: Vector, freq: str, *, horizon: int | None, count: int
) -> tuple[list[Origin], Origin] | None:
    """Return up to `count` cut-offs to choose by, latest first, and a later one to judge the choice by.

    `y` are readings at ascending `stamps`, both of shape (N,), without NaN.  The steps after the judging
    cut-off are the last ones of the history, `horizon` of them (None for `default_horizon`); what the others
    compare ends before them.  Returns None where fewer than half of the steps have a reading, and where the
    history is too short for both.  Raises FutureError if `freq` is no frequency.
    """
    history = GriddedHistory.of(stamps, y, freq)
    if history is None:
        return None
    n, seasons = history.y.size, history.seasons
    asked = horizon or default_horizon(n, seasons)
    places, steps = cutoffs(n - asked, asked, seasons, count=count)
    cuts = [_Cut.of(history, at, steps, None) for at in places]
    judge = _Cut.of(history, n - asked, asked, None)
    chosen_by = [Origin(cut.first, cut.last, _scale(history, cut.at, steps)) for cut in cuts if cut]
    if judge is None or not chosen_by:
        return None
    return chosen_by, Origin(judge.first, judge.last, _scale(history, judge.at, asked))


def compare(  # noqa: PLR0913, PLR0917 - the parts of a comparison
    history: GriddedHistory,
    y: Vector,
    places: Sequence[int],
    horizon: int,
    length: int,
    fit_before: FitBefore,
    members: Sequence[str],
    of_all: GlobalForecasts | None = None,
    last: int = 0,
) -> tuple[list[Backtest], Ahead]:
    """Compare the methods, and the naive forecast, with the `horizon` steps after each cut-off.

    `y`, shape (N,), are the readings of the history's rows, and `places` the number of steps before each
    cut-off.  A cut-off is left out where there is nothing to compare, or where Prophet's model cannot be
    fitted, though it is to be compared, or to say what holidays and regressors add: the other methods would
    win unopposed.

    Also returns the forecasts of the `length` steps after the whole history, by method, in units of y; there
    are none if every cut-off is left out.

    `of_all` forecasts as the method `GLOBAL`, wherever it can; `last` is the time of the last step, in
    microseconds since 1970.
    """
    others = {name for name in members if name in MEMBERS and name != NAIVE}
    whole = fit_before(history.place.size) if others or CORRECTED_PROPHET in members else None
    without = frozenset(others if whole is not None and whole.effects is not None else ())
    needs_prophet = bool(PROPHET in members or CORRECTED_PROPHET in members or without)
    tried = [_Cut.of(history, at, horizon, fit_before if needs_prophet else None) for at in places]
    cuts = [cut for cut in tried if cut is not None]
    if places and not cuts:
        return [], Ahead({}, frozenset())
    ends = [*(cut.at for cut in cuts), history.y.size]
    models = [*(cut.prophet for cut in cuts), whole]
    residuals = {}
    if CORRECTED_PROPHET in members:
        own = [_residuals(model, history, n) for model, n in zip(models, ends, strict=True)]
        residuals[CORRECTED_PROPHET] = own
    names = dict.fromkeys((*(name for name in members if name in MEMBERS), NAIVE))
    grids = [history.grid(n) for n in ends]
    paths = forecasts([name for name in names if name not in without], grids, length, residuals)
    histories = [history] * len(ends)
    if without:
        histories = [_without_effects(model, history) for model in models]
        grids = [own.grid(n) for own, n in zip(histories, ends, strict=True)]
        paths |= forecasts([name for name in names if name in without], grids, length, {})
        without |= {GLOBAL}
    if of_all is not None:
        holidays = [model.holidays if without and model is not None else None for model in models]
        paths[GLOBAL] = of_all.paths(histories, last, ends, length, holidays)
    tests = []
    for i, cut in enumerate(cuts):
        found = {name: path[cut.step] for name, each in paths.items() if (path := each[i]) is not None}
        rows = slice(cut.first, cut.last)
        if cut.prophet is not None:
            found[PROPHET] = yhat = cut.prophet.forecast(rows)
            if CORRECTED_PROPHET in found:
                found[CORRECTED_PROPHET] += yhat
            if cut.prophet.effects is not None:
                found |= {name: found[name] + cut.prophet.effects[rows] for name in without & found.keys()}
        tests.append(Backtest(cut.at, cut.step, y[rows], found, _scale(history, cut.at, horizon)))
    return tests, Ahead(
        {name: path for name, each in paths.items() if (path := each[-1]) is not None}, without
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """A cut-off, and the rows of the `horizon` steps after it."""

    at: int
    """Number of steps before it."""
    first: int
    last: int
    step: Stamps
    """Steps ahead of each row, from 0."""
    prophet: FittedProphet | None
    """Prophet's model of the rows before it; None if it is not needed."""

    @classmethod
    def of(cls, history: GriddedHistory, at: int, horizon: int, fit_before: FitBefore | None) -> Self | None:
        """Return the cut-off; None without readings before or after it, or if the fit fails."""
        first, last = (int(row) for row in np.searchsorted(history.place, (at, at + horizon)))
        if first < _LEAST_ROWS or last == first or not np.isfinite(history.y[:at]).any():
            return None
        prophet = None if fit_before is None else fit_before(first)
        if prophet is None and fit_before is not None:
            return None
        return cls(at, first, last, history.place[first:last] - at, prophet)


def _scale(history: GriddedHistory, at: int, horizon: int) -> float:
    """Return the mean absolute error of the naive forecast in the steps before a cut-off, in units of y.

    Where it is 0, as before the first use of a meter, and where it would be the mean of less than a season,
    the `horizon` steps after the cut-off count too.  Where these also repeat each other, the result is the
    mean of |y|, or 1 if all readings are 0.
    """
    season = history.seasons.short or 1
    for steps in (at, at + horizon) if at >= 2 * season else (at + horizon,):
        if (error := naive_error_of_grid(history.grid(steps))) > 0:
            return error
    return float(np.abs(history.grid(at + horizon).y).mean()) or 1.0


def _without_effects(model: FittedProphet | None, history: GriddedHistory) -> GriddedHistory:
    """Return the history without the effects of holidays and regressors that the model found in its rows."""
    if model is None or model.effects is None:
        return history
    return history.without(model.effects[: model.residuals.size])


def _residuals(model: FittedProphet | None, history: GriddedHistory, n: int) -> Vector:
    """Return the last residuals before the step `n`, one for each step: their mean, 0 without a reading.

    They are of shape (steps,) and in units of y; none without a model.
    """
    if model is None:
        return np.empty(0)
    rows = model.residuals.size
    place = history.place[:rows]
    begin = int(np.searchsorted(place, max(n - max(_RESIDUAL_STEPS, 4 * history.seasons.long), 0)))
    if begin == rows:
        return np.empty(0)
    step = place[begin:] - place[begin]
    steps = n - int(place[begin])
    total = np.bincount(step, weights=model.residuals[begin:], minlength=steps)
    return np.asarray(total / np.maximum(np.bincount(step, minlength=steps), 1), np.float64)
