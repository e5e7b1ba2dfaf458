"""What the backtests of a whole fleet say about customers with few readings, or none to test a forecast on.

A customer's errors are summarised in units of its own naive error.  The summaries of all customers of one
frequency are added up as whole numbers of millionths, so that a fleet's means depend neither on the order of
the customers nor on how they were shared out over processes, hosts and restarts.

The sizes of errors differ from customer to customer by a factor whose logarithm has the variance v.  A size
estimated from n independent errors has a logarithm of variance 0.57/n where errors are normal, so what the
fleet says about a further customer counts as 0.57/v errors of its own: an empirical Bayes estimate.

Robbins (1956), "An empirical Bayes approach to statistics", Proceedings of the Third Berkeley Symposium.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from fleetcast.evaluation.calibrate import COVERAGES, Pooled, error_shape
from fleetcast.evaluation.rolling_origin import METHODS, NAIVE
from fleetcast.evaluation.season import naive_error_of_grid
from fleetcast.forecasting.arrays import Matrix
from fleetcast.forecasting.members import Calibration, Grid

LEAST_CUSTOMERS: Final = 8
"""Fewest customers of a frequency whose errors say something about another one."""
_LEAST_GROUP: Final = 6
"""Fewest steps of a group of the naive forecast's errors."""
_MOST_GROUPS: Final = 7
"""Most groups: the days of a week of hours; the last one has all later steps."""
_LEAST_VARIANCE: Final = 0.02
"""Lower bound of v, so that a fleet counts as 29 errors at most."""
_NORMAL_VARIANCE: Final = math.pi / 2 - 1
"""Variance of the size of a normal error, in units of its squared mean."""
_MOST_LOG_ERROR: Final = 5.0
"""Bound of the logarithm of a method's error, so that one customer does not decide for a fleet."""
_LEAST_ERROR: Final = 1e-6
"""Smaller errors count as this one, which has a logarithm."""
_MILLION: Final = 1_000_000
_DIGITS: Final = 6

_MULTIPLES: Final = ("lower", "upper", "naive_lower", "naive_upper")
_LENGTHS: Final = {
    "log_size": 1,
    "log_size_squared": 1,
    **dict.fromkeys(_MULTIPLES, len(COVERAGES)),
    "naive_log_sizes": _MOST_GROUPS,
    "naive_customers": _MOST_GROUPS,
    "log_errors": len(METHODS),
    "method_customers": len(METHODS),
}
"""What is added up, and the number of values of each."""

MOST_CUSTOMERS: Final = 10_000_000
_MOST_MULTIPLE: Final = 1e5
"""Limit of what is added up, so that no sum of 10 million customers leaves 64 bits."""
Size: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Multiples: TypeAlias = Annotated[
    tuple[Annotated[float, msgspec.Meta(ge=0, le=_MOST_MULTIPLE)], ...],
    msgspec.Meta(min_length=len(COVERAGES), max_length=len(COVERAGES)),
]
"""Bounds of intervals by coverage, in multiples of the mean size of an error."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MOST_CUSTOMERS)]
Steps: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Logarithm: TypeAlias = Annotated[float, msgspec.Meta(ge=-30, le=30)]


class ErrorSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's errors in its backtests; sizes are in units of its naive error within its history."""

    freq: str
    """Frequency of its readings, as a pandas alias."""
    size: Size
    """Mean size of the errors of the combined forecast."""
    lower: Multiples
    upper: Multiples
    naive_steps: Steps
    """Number of steps of each group of the naive forecast's errors."""
    naive_sizes: Annotated[tuple[Size, ...], msgspec.Meta(min_length=1, max_length=_MOST_GROUPS)]
    """Mean size of these errors by group."""
    naive_lower: Multiples
    naive_upper: Multiples


def error_summary(errors: Matrix, naive: Matrix, grid: Grid, freq: str) -> ErrorSummary | None:
    """Return a summary of the errors of backtests; None where all are 0, or the history repeats itself.

    `errors` and `naive` are y - yhat of the combined and of the seasonal naive forecast by backtest and steps
    ahead, shape (C, H), NaN at steps without a reading.
    """
    unit = naive_error_of_grid(grid)
    steps = max(grid.seasons.short, _LEAST_GROUP)
    groups = np.minimum(np.arange(naive.shape[1]) // steps, _MOST_GROUPS - 1)
    own = float(np.nanmean(np.abs(errors)))
    if not (unit > 0 and own > 0):
        return None
    parts = [part[np.isfinite(part)] for part in (np.abs(naive[:, groups == g]) for g in np.unique(groups))]
    sizes = [float(part.mean()) for part in parts if part.size]
    if len(sizes) < len(parts) or not all(size > 0 for size in sizes):
        return None
    lower, upper = error_shape(errors / own)
    naive_lower, naive_upper = error_shape(naive / np.array(sizes)[groups])
    entry = {
        "freq": freq,
        "size": _rounded([own / unit])[0],
        "lower": _rounded(lower),
        "upper": _rounded(upper),
        "naive_steps": steps,
        "naive_sizes": _rounded(size / unit for size in sizes),
        "naive_lower": _rounded(naive_lower),
        "naive_upper": _rounded(naive_upper),
    }
    try:
        return msgspec.convert(entry, ErrorSummary)
    except msgspec.ValidationError:  # beyond the limits of a fleet's file
        return None


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


class MethodMeans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a method compares with the seasonal naive forecast."""

    customers: Count
    """Number of customers in whose backtests it took part."""
    log_error: Annotated[float, msgspec.Meta(ge=-_MOST_LOG_ERROR, le=_MOST_LOG_ERROR)]
    """Their mean of the logarithm of its error, in units of the naive forecast's error."""


class FleetMeans(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Means over the customers of one frequency; sizes as in `ErrorSummary`."""

    customers: Count
    methods: dict[str, MethodMeans]
    """By method; those that took part for no customer are left out."""
    log_size: Logarithm
    """Of the logarithm of `size`."""
    log_size_squared: Annotated[float, msgspec.Meta(ge=0, le=1000)]
    """Of the squared logarithm of `size`."""
    lower: Multiples
    upper: Multiples
    naive_steps: Steps
    naive_customers: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1, max_length=_MOST_GROUPS)]
    """Number of customers whose backtests reach each group."""
    naive_log_sizes: Annotated[tuple[Logarithm, ...], msgspec.Meta(min_length=1, max_length=_MOST_GROUPS)]
    """Of the logarithm of `naive_sizes`, by group."""
    naive_lower: Multiples
    naive_upper: Multiples

    @property
    def independent(self) -> float:
        """Return the number of errors that the fleet counts as for a further customer."""
        variance = self.log_size_squared - self.log_size * self.log_size
        sample = max(variance, 0.0) * self.customers / max(self.customers - 1, 1)
        return _NORMAL_VARIANCE / max(sample, _LEAST_VARIANCE)

    def pooled(self, unit: float) -> Pooled:
        """Return the errors to expect of a customer, whose naive error is `unit`, in units of y."""
        size = math.exp(self.log_size) * unit
        return Pooled(size, self.independent, np.array(self.lower), np.array(self.upper))

    def naive_calibration(self, unit: float) -> Calibration:
        """Return intervals from the errors of naive forecasts, for a customer whose naive error is `unit`."""
        groups = len(self.naive_log_sizes)
        sizes = np.maximum.accumulate(np.exp(np.array(self.naive_log_sizes)) * unit)
        return Calibration(
            np.arange(1.0, groups + 1) * self.naive_steps,
            np.array([float(f"{size:.6g}") for size in sizes.tolist()]),
            COVERAGES,
            -np.maximum.accumulate(np.array(self.naive_lower)),
            np.maximum.accumulate(np.array(self.naive_upper)),
        )


def _log_errors(errors: Mapping[str, float]) -> dict[str, float]:
    """Return the logarithm of each method's error, in units of the seasonal naive forecast's."""
    if NAIVE not in errors:
        return {}
    naive = math.log(max(errors[NAIVE], _LEAST_ERROR))
    logs = {name: math.log(max(errors[name], _LEAST_ERROR)) - naive for name in METHODS if name in errors}
    return {name: max(-_MOST_LOG_ERROR, min(log, _MOST_LOG_ERROR)) for name, log in logs.items()}


@dataclass(slots=True)
class FleetSums:
    """Adds up the customers of a fleet."""

    customers: Counter[str] = field(default_factory=Counter)
    """By frequency."""
    steps: dict[str, int] = field(default_factory=dict)
    """`naive_steps` by frequency."""
    sums: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Sums by frequency, in millionths, in the order of `_LENGTHS`."""

    def add(self, errors: Mapping[str, float], summary: ErrorSummary) -> None:
        """Add a customer.

        `errors` are the scaled errors in its backtests by method; without that of the seasonal naive
        forecast, no method is added.
        """
        logs = _log_errors(errors)
        size = math.log(summary.size)
        sizes = [math.log(size) for size in summary.naive_sizes]
        self._add(
            summary.freq,
            1,
            summary.naive_steps,
            {
                "log_size": [size],
                "log_size_squared": [size * size],
                "lower": summary.lower,
                "upper": summary.upper,
                "naive_lower": summary.naive_lower,
                "naive_upper": summary.naive_upper,
                "naive_log_sizes": sizes,
                "naive_customers": [1] * len(sizes),
                "log_errors": [logs.get(name, 0.0) for name in METHODS],
                "method_customers": [name in logs for name in METHODS],
            },
        )

    def add_means(self, freq: str, means: FleetMeans) -> None:
        """Add the customers of another sum; raise ValueError if they cannot be added."""
        if self.steps.get(freq, means.naive_steps) != means.naive_steps:
            raise ValueError(f"naive_steps of {freq} is {self.steps[freq]} and {means.naive_steps}")
        if self.customers[freq] + means.customers > MOST_CUSTOMERS:
            raise ValueError(f"there are more than {MOST_CUSTOMERS:,} customers of {freq}")
        n, methods = means.customers, means.methods
        self._add(
            freq,
            n,
            means.naive_steps,
            {
                "log_size": [n * means.log_size],
                "log_size_squared": [n * means.log_size_squared],
                **{name: [n * each for each in getattr(means, name)] for name in _MULTIPLES},
                "naive_log_sizes": [
                    n * each for n, each in zip(means.naive_customers, means.naive_log_sizes, strict=True)
                ],
                "naive_customers": means.naive_customers,
                "log_errors": [
                    methods[name].customers * methods[name].log_error if name in methods else 0.0
                    for name in METHODS
                ],
                "method_customers": [methods[name].customers if name in methods else 0 for name in METHODS],
            },
        )

    def _add(self, freq: str, customers: int, steps: int, parts: Mapping[str, Iterable[float]]) -> None:
        padded = [[*parts[name], *[0.0] * _MOST_GROUPS][:length] for name, length in _LENGTHS.items()]
        sums = np.rint(np.concatenate(padded) * _MILLION).astype(np.int64)
        self.customers[freq] += customers
        self.steps[freq] = steps
        self.sums[freq] = self.sums.get(freq, 0) + sums

    def means(self, *, least: int = 1) -> dict[str, FleetMeans]:
        """Return the means by frequency, in alphabetical order, of those with at least `least` customers."""
        return {freq: self._means(freq) for freq in sorted(self.sums) if self.customers[freq] >= least}

    def _means(self, freq: str) -> FleetMeans:
        n = self.customers[freq]
        ends = np.cumsum(list(_LENGTHS.values()))[:-1]
        values = np.split(self.sums[freq] / _MILLION, ends)
        parts = {name: part.tolist() for name, part in zip(_LENGTHS, values, strict=True)}
        reach = [round(count) for count in parts["naive_customers"] if count > 0]
        return FleetMeans(
            customers=n,
            methods={
                name: MethodMeans(round(count), error / round(count))
                for name, count, error in zip(
                    METHODS, parts["method_customers"], parts["log_errors"], strict=True
                )
                if count > 0
            },
            log_size=parts["log_size"][0] / n,
            log_size_squared=parts["log_size_squared"][0] / n,
            naive_steps=self.steps[freq],
            naive_customers=tuple(reach),
            naive_log_sizes=tuple(
                size / count for size, count in zip(parts["naive_log_sizes"], reach, strict=False)
            ),
            **{name: tuple(each / n for each in parts[name]) for name in _MULTIPLES},
        )
