"""What a job remembers of its customers' backtests: exact sums, counts, and the customers that fare worst.

Its size does not grow with the fleet, and it does not depend on the order in which customers are done.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleetcast.evaluation import COMBINED, GLOBAL, METHODS, NAIVE, PROPHET, beats_seasonal_naive

MOST_WORST: Final = 50
"""Customers that are remembered by name."""
PARTS_PER_UNIT: Final = 20
"""Bars of a histogram of ratios between 0 and 1."""
MOST_RATIO: Final = 2.0
"""Larger ratios are counted in the last bar."""
_MILLION: Final = 10**6


@dataclass(slots=True)
class Mean:
    """A mean of numbers, to six decimals: sums of whole millionths do not depend on the order."""

    millionths: int = 0
    count: int = 0

    def add(self, number: float | None) -> None:
        """Count a number; None, NaN and infinity are left out."""
        if number is not None and math.isfinite(number * _MILLION):
            self.millionths += round(number * _MILLION)
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean, rounded to six decimals; None without numbers."""
        return self.over(self.count)

    def over(self, count: int) -> float | None:
        """Return the sum divided by `count`, a mean in which what is left out is 0; None if `count` is 0."""
        return round(self.millionths / count / _MILLION, 6) if count else None


@dataclass(slots=True)
class MethodTally:
    """How a method fares in the fleet."""

    wins: int = 0
    """Customers where no other method has a greater weight."""
    weight: Mean = field(default_factory=Mean)
    """Over the customers where it has a weight."""
    error: Mean = field(default_factory=Mean)
    """Its MASE in the backtests, over the customers where it can forecast."""


@dataclass(frozen=True, slots=True)
class BacktestedCustomer:
    """A customer's errors in the backtests, each a MASE, and what else may explain them."""

    name: str
    combined: float
    naive: float
    prophet: float | None
    """None where Prophet's model was not compared."""
    rows: int
    remark: str

    @property
    def ratio(self) -> float:
        """Its error in units of the naive forecast's; infinite if only the naive forecast is exact."""
        if self.naive > 0:
            return self.combined / self.naive
        return math.inf if self.combined > 0 else 1.0


@dataclass(slots=True)
class Comparison:
    """The backtests of all customers whose methods were compared."""

    customers: int = 0
    error: Mean = field(default_factory=Mean)
    """MASE of the customers' forecasts."""
    wape: Mean = field(default_factory=Mean)
    naive_error: Mean = field(default_factory=Mean)
    """MASE of the seasonal naive forecast, over the customers that have one."""
    error_beside_naive: Mean = field(default_factory=Mean)
    """MASE of the forecasts of the same customers."""
    better: int = 0
    """Customers whose forecast errs less than the seasonal naive one."""
    equal: int = 0
    """Customers where both err the same."""
    ratios: Counter[int] = field(default_factory=Counter)
    """Customers by their error in units of the naive forecast's, in `PARTS_PER_UNIT` parts of 1."""
    methods: dict[str, MethodTally] = field(default_factory=dict)
    coverage: dict[float, Mean] = field(default_factory=dict)
    """Share of a customer's readings in its intervals, by their probability."""
    _worst: list[BacktestedCustomer] = field(default_factory=list)

    def add(self, customer: str, metrics: Mapping[str, Any], rows: int, remark: str) -> None:
        """Count a customer by its `metrics` in the ledger, if its methods were compared."""
        errors = metrics.get("backtest", {})
        if COMBINED not in errors:
            return
        self.customers += 1
        self.error.add(errors[COMBINED])
        self.wape.add(metrics.get("backtest_wape"))
        self._add_methods(errors, metrics.get("members", {}))
        for percent, share in metrics.get("backtest_coverage", {}).items():
            self.coverage.setdefault(float(percent) / 100, Mean()).add(share)
        if NAIVE in errors:
            self._add_against_naive(
                BacktestedCustomer(
                    customer, errors[COMBINED], errors[NAIVE], errors.get(PROPHET), rows, remark
                )
            )

    def _add_methods(self, errors: Mapping[str, float], weights: Mapping[str, float]) -> None:
        for name in (*METHODS, GLOBAL):
            if name in errors or name in weights:
                method = self.methods.setdefault(name, MethodTally())
                method.error.add(errors.get(name))
                method.weight.add(weights.get(name))
                method.wins += bool(weights) and weights.get(name) == max(weights.values())

    def _add_against_naive(self, customer: BacktestedCustomer) -> None:
        if math.isnan(customer.ratio):  # of numbers beyond the range of floats
            return
        self.naive_error.add(customer.naive)
        self.error_beside_naive.add(customer.combined)
        self.better += beats_seasonal_naive(customer.combined, customer.naive)
        self.equal += customer.combined == customer.naive
        self.ratios[int(min(customer.ratio, MOST_RATIO) * PARTS_PER_UNIT)] += 1
        self._worst.append(customer)
        if len(self._worst) > 2 * MOST_WORST:
            self._worst = self.worst

    @property
    def worst(self) -> list[BacktestedCustomer]:
        """The customers with the largest errors in units of the naive forecast's, the largest first."""
        return sorted(self._worst, key=lambda each: (-each.ratio, each.name))[:MOST_WORST]

    @property
    def share_beating_naive(self) -> float | None:
        """Share of the customers whose forecast errs less; None if none has a seasonal naive forecast."""
        return round(self.better / compared, 6) if (compared := self.ratios.total()) else None
