"""One customer's best forecast: backtests of all methods, their weights, and intervals from the errors.

Everything is chosen on the history alone: a method that forecasts the steps after a cut-off is fitted to
those before it, gaps are filled from before it, and the errors for the intervals come from weights that the
other cut-offs chose; with a single cut-off, each half of its steps from weights that the other half chose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from fleetcast.evaluation.calibrate import calibrated
from fleetcast.evaluation.fleet import ErrorSummary, FleetMeans, error_summary
from fleetcast.evaluation.incumbent import Incumbent, Verdict, Weights, judge
from fleetcast.evaluation.metrics import (
    Metric,
    beats_seasonal_naive,
    mean_bias,
    weighted_absolute_percentage_error,
)
from fleetcast.evaluation.reliability import held_out_coverage
from fleetcast.evaluation.rolling_origin import (
    CORRECTED_PROPHET,
    DEFAULT_CUTOFFS,
    GLOBAL,
    METHODS,
    NAIVE,
    PROPHET,
    Ahead,
    Backtest,
    FitBefore,
    GlobalForecasts,
    compare,
    cutoffs,
    default_horizon,
)
from fleetcast.evaluation.season import naive_error_of_grid
from fleetcast.evaluation.weights import best_weights
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import MOST_PATH, Calibration, Correction, Grid, GriddedHistory
from fleetcast.forecasting.one_thread import ONE_THREAD

COMBINED: Final = "combined"
"""Name of the combined forecast among the errors."""
_FAVOUR: Final = {NAIVE: 2.0}
"""Factors of the weights at the start: the benchmark should have a part in the combined forecast."""
_HORIZONS_OF_PATH: Final = 2
"""Backtests say nothing of later steps: there Prophet's model, which has a trend, forecasts alone.  The path
has a long season at least, because a trend that was learnt from a few days goes astray within a week."""
_DIGITS: Final = 6
"""Digits of the path, of what differs between its steps."""
_SHARE_DECIMALS: Final = 12
"""Decimals of Prophet's share: it multiplies a forecast that may be much larger than its own changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombineOptions:
    """Which methods are compared, and how."""

    members: tuple[str, ...] = METHODS
    """Names among `METHODS`."""
    cutoffs: int = DEFAULT_CUTOFFS
    horizon: int | None = None
    """Steps; None for `default_horizon`."""
    one_only: bool = False
    """Whether the best method alone forecasts, instead of the weighted mean."""
    margin: float = 0.05
    """By which share of the error of Prophet's model, with `one_only`, or of an earlier job's choice, another
    choice must be better."""
    metric: Metric = "mase"
    """`mase` is the mean of the backtests' MASE.  `wape` is one WAPE over all of them, so that a backtest
    with readings near 0 outweighs no other; methods are then ordered by Σ|y - ŷ|, which always exists."""
    calibrate: bool = True
    """Whether intervals are made from the errors, and judged."""
    floor: float = -np.inf
    """Forecasts and bounds of intervals below it are served as this value, and measured so."""
    fleet: Mapping[str, FleetMeans] = field(default_factory=dict, repr=False)
    """What the backtests of a fleet say, by frequency; it takes part in the intervals."""
    global_share: float = 0.7
    """Weight of the model of all customers, where there is one; the other methods share the rest."""


@dataclass(frozen=True, slots=True)
class Combined:
    """The methods of one customer with their weights and errors."""

    weights: Mapping[str, float]
    """By method, with sum 1; methods with weight 0 are left out."""
    errors: Mapping[str, float]
    """Mean absolute scaled error in the backtests, by method, and of the combined forecast as `combined`."""
    origin: int
    """The last reading's time, in microseconds since 1970."""
    freq: str
    correction: Correction
    calibration: Calibration | None
    """None where there are too few errors for intervals, and without `calibrate`."""
    cutoffs: int
    horizon: int
    wape: float
    """WAPE of the combined forecast over all backtests; NaN or infinite if all readings there are 0."""
    bias: float
    """Bias of the combined forecast over all backtests, in units of y."""
    coverage: Mapping[float, float]
    """Share of the readings of a backtest within the intervals that the other backtests made, by probability;
    empty with a single backtest, with too few errors, and without `calibrate`."""
    summary: ErrorSummary | None
    """Its errors as part of a fleet's; None where there is no error, or no seasonal naive forecast."""
    verdict: Verdict | None
    """Whether the weights are an earlier job's; None where there was no earlier choice."""

    @property
    def beats_seasonal_naive(self) -> bool | None:
        """Whether the combined forecast errs less in the backtests; None where there is no naive forecast."""
        naive = self.errors.get(NAIVE)
        return None if naive is None else beats_seasonal_naive(self.errors[COMBINED], naive)


@ONE_THREAD
def combine(  # noqa: PLR0913, PLR0917 - a history, what forecasts it, and how
    stamps: Stamps,
    y: Vector,
    freq: str,
    fit_before: FitBefore,
    options: CombineOptions,
    incumbent: Incumbent | None = None,
    of_all: GlobalForecasts | None = None,
) -> Combined | None:
    """Return the combined forecast of readings `y` at ascending `stamps`, both of shape (N,), without NaN.

    The weights of an earlier job, `incumbent`, stay unless a new choice is better.  `of_all` forecasts with
    a weight that no backtest of this customer chose: it would be the luck of a few readings.

    Returns None where fewer than half of the steps have a reading, or the history is too short for a backtest
    of any of the methods.  Raises FutureError if `freq` is no frequency.
    """
    history = GriddedHistory.of(stamps, y, freq)
    if history is None:
        return None
    n, seasons = history.y.size, history.seasons
    asked = min(options.horizon or default_horizon(n, seasons), MOST_PATH)
    places, horizon = cutoffs(n, asked, seasons, count=options.cutoffs)
    length = min(max(_HORIZONS_OF_PATH * asked, seasons.long), MOST_PATH)
    seen = n if incumbent is None else incumbent.steps_seen(history, stamps)
    places_before = {
        at: earlier if steps == horizon else []
        for at in places
        if at >= seen
        for earlier, steps in (cutoffs(at, horizon, seasons, count=options.cutoffs),)
    }
    every = sorted({at for each in (places, *places_before.values()) for at in each}, reverse=True)
    last = int(stamps[np.isfinite(y)][-1])
    run, ahead = compare(history, y, every, horizon, length, fit_before, options.members, of_all, last)
    test_at = {test.at: test for test in run}
    tests = [test_at[at] for at in places if at in test_at]
    usable = [name for name in options.members if all(name in test.forecasts for test in tests)]
    if not tests or not usable:
        return None
    parts = tests if len(tests) > 1 else _halves(tests[0])
    weights, *without = _chosen(usable, parts, options)
    verdict = None
    if incumbent is not None:
        verdict = incumbent.objection(freq, usable, one_only=options.one_only)
        if verdict is None:
            choices = _choices_before(test_at, places_before, usable, options)
            verdict = judge(
                incumbent, choices, margin=options.margin, metric=options.metric, floor=options.floor
            )
        if verdict.is_kept:
            weights = {name: incumbent.weights[name] for name in usable if name in incumbent.weights}
            without = [weights if part.at >= seen else own for part, own in zip(parts, without, strict=True)]
    if GLOBAL in ahead.paths:
        weights = _with_global(weights, options)
        without = [
            _with_global(own, options) if GLOBAL in part.forecasts else own
            for part, own in zip(parts, without, strict=True)
        ]
    actual, forecast = np.concatenate([test.y for test in tests]), _held_out_forecasts(parts, without)
    served, held_out = np.maximum(forecast, options.floor), _by_step(actual - forecast, tests, horizon)
    measured = [name for name in dict.fromkeys((*usable, NAIVE, GLOBAL)) if _is_in(name, tests)]
    errors = {name: _mean_error(name, tests, options) for name in measured}
    sizes = _by_test(np.abs(actual - served), tests)
    errors[COMBINED] = float(
        np.mean([size.mean() / test.scale for size, test in zip(sizes, tests, strict=True)])
    )
    least = _by_step(options.floor - forecast, tests, horizon)
    grid = history.grid()
    fleet, unit = options.fleet.get(freq), naive_error_of_grid(grid)
    pooled = fleet.pooled(unit) if fleet is not None and unit > 0 else None
    judged = {}
    if options.calibrate:
        judged = held_out_coverage(held_out, seasons.short, least=least, pooled=pooled)
    return Combined(
        weights=weights,
        errors=errors,
        origin=int(stamps[-1]),
        freq=freq,
        correction=correction_of(weights, ahead),
        calibration=calibrated(held_out, seasons.short, pooled) if options.calibrate else None,
        cutoffs=len(tests),
        horizon=horizon,
        wape=weighted_absolute_percentage_error(actual, served),
        bias=mean_bias(actual, served),
        coverage=judged,
        summary=_summary(held_out, tests, grid, freq),
        verdict=verdict,
    )


def _with_global(weights: Weights, options: CombineOptions) -> dict[str, float]:
    """Return the weights with that of the model of all customers; methods with weight 0 are left out."""
    own = {name: (1 - options.global_share) * weight for name, weight in weights.items()}
    return {name: weight for name, weight in {GLOBAL: options.global_share, **own}.items() if weight > 0}


def _summary(held_out: Matrix, tests: list[Backtest], grid: Grid, freq: str) -> ErrorSummary | None:
    if not _is_in(NAIVE, tests):
        return None
    naive = np.concatenate([test.y - test.forecasts[NAIVE] for test in tests])
    return error_summary(held_out, _by_step(naive, tests, held_out.shape[1]), grid, freq)


def _halves(test: Backtest) -> list[Backtest]:
    """Return the first half of the steps and the second; the backtest itself if it has a single reading."""
    middle = test.y.size // 2
    if not middle:
        return [test]
    return [
        replace(
            test,
            step=test.step[rows],
            y=test.y[rows],
            forecasts={name: forecast[rows] for name, forecast in test.forecasts.items()},
        )
        for rows in (slice(0, middle), slice(middle, None))
    ]


def _choices_before(
    test_at: Mapping[int, Backtest],
    places_before: Mapping[int, list[int]],
    names: list[str],
    options: CombineOptions,
) -> list[tuple[Backtest, Weights]]:
    """Return backtests, each with the weights that would have been chosen at its cut-off.

    `places_before` has for each of their cut-offs those in the steps before it, and `test_at` the backtest of
    each cut-off.  A backtest is left out where too few steps come before it.
    """
    choices: list[tuple[Backtest, Weights]] = []
    for at, places in places_before.items():
        earlier = [test_at[place] for place in places if place in test_at]
        usable = [name for name in names if _is_in(name, earlier)]
        if at in test_at and earlier and usable:
            choices.append((test_at[at], _chosen(usable, earlier, options)[0]))
    return choices


def _is_in(name: str, tests: list[Backtest]) -> bool:
    return all(name in test.forecasts for test in tests)


def correction_of(weights: Mapping[str, float], ahead: Ahead) -> Correction:
    """Return the part of all methods but Prophet's in the forecast, from their paths.

    Prophet's model has the rest of the weight, and the weight of a method that fails on the whole history.
    """
    paths = ahead.paths
    others = [name for name in weights if name in paths]
    share = max(1 - sum(weights[name] for name in others if name != CORRECTED_PROPHET), 0.0)
    length = max((path.size for path in paths.values()), default=0)
    path = sum((weights[name] * paths[name] for name in others), np.zeros(length))
    effects = min(sum((weights[name] for name in others if name in ahead.without_effects), 0.0), 1.0)
    return Correction(round(share, _SHARE_DECIMALS), rounded_path(path), round(effects, _SHARE_DECIMALS))


def rounded_path(path: Vector) -> Vector:
    """Return the path to six digits of its range, so that the archive stays small.

    A meter's counter or a pressure is much larger than its changes, so the largest value says nothing.  A
    path whose values are all equal stays as it is.
    """
    spread = float(np.ptp(path)) if path.size else 0.0
    return np.round(path, int(_DIGITS - 1 - np.floor(np.log10(spread)))) if spread > 0 else path


def _chosen(names: list[str], tests: list[Backtest], options: CombineOptions) -> list[dict[str, float]]:
    """Return the weights that all backtests choose, then those that all but each one of them choose."""
    groups = [tests] + [[other for other in tests if other is not test] or tests for test in tests]
    if options.one_only:
        return [{_best(names, group, options): 1.0} for group in groups]
    sizes = [test.y.size for test in tests]
    owner = np.repeat(np.arange(len(tests)), sizes)
    without = (
        owner != np.arange(len(tests))[:, None] if len(tests) > 1 else np.ones((1, owner.size), np.bool_)
    )
    counts = np.concatenate((np.ones((1, owner.size), np.bool_), without))
    unit = np.repeat([1.0 if options.metric == "wape" else test.scale for test in tests], sizes)
    forecasts = np.array([np.concatenate([t.forecasts[name] for t in tests]) for name in names]) / unit
    y = np.concatenate([test.y for test in tests]) / unit
    favour = np.array([_FAVOUR.get(name, 1.0) for name in names])
    return [
        {name: float(weight) for name, weight in zip(names, row, strict=True) if weight > 0}
        for row in best_weights(forecasts, y, favour, counts)
    ]


def _best(names: list[str], tests: list[Backtest], options: CombineOptions) -> str:
    error = _summed_error if options.metric == "wape" else _mean_error
    errors = {name: error(name, tests, options) for name in names}
    best = min(errors, key=errors.__getitem__)
    keeps_prophet = PROPHET in errors and errors[best] > (1 - options.margin) * errors[PROPHET]
    return PROPHET if keeps_prophet else best


def _summed_error(name: str, tests: list[Backtest], options: CombineOptions) -> float:
    """Return Σ|y - ŷ| over all backtests: it orders methods as WAPE does, also where all readings are 0."""
    return float(sum(_sizes(name, test, options).sum() for test in tests))


def _held_out_forecasts(tests: list[Backtest], weights: Sequence[Weights]) -> Vector:
    """Return the weighted mean of each backtest with its weights, one backtest after the other."""
    return np.concatenate(
        [
            sum((weight * test.forecasts[name] for name, weight in chosen.items()), np.zeros(test.y.size))
            for test, chosen in zip(tests, weights, strict=True)
        ]
    )


def _by_step(values: Vector, tests: list[Backtest], horizon: int) -> Matrix:
    """Return values, one backtest after the other, by backtest and steps ahead; NaN without a reading."""
    by_step = np.full((len(tests), horizon), np.nan)
    for row, test, part in zip(by_step, tests, _by_test(values, tests), strict=True):
        row[test.step] = part
    return by_step


def _by_test(values: Vector, tests: list[Backtest]) -> list[Vector]:
    """Return the values of each backtest from those of one backtest after the other."""
    return np.split(values, np.cumsum([test.y.size for test in tests])[:-1])


def _mean_error(name: str, tests: list[Backtest], options: CombineOptions) -> float:
    return float(np.mean([_sizes(name, test, options).mean() / test.scale for test in tests]))


def _sizes(name: str, test: Backtest, options: CombineOptions) -> Vector:
    """Return the absolute errors of a method as it would be served."""
    return np.abs(test.y - np.maximum(test.forecasts[name], options.floor))
