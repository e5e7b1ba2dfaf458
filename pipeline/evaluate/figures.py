"""The figures of a whole fleet: from its customers' outcomes to evaluation.json.

A mean is that of the customers that have the metric.  It depends on no order, as all values are kept, eight
bytes each, and summed up exactly.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias

from fleetcast.evaluation import beats_seasonal_naive
from pipeline.evaluate.outcome import Evaluated, EvaluationOutcome

Values: TypeAlias = "array[float]"
Entry: TypeAlias = dict[str, float]


def _values() -> defaultdict[str, Values]:
    return defaultdict(lambda: array("d"))


@dataclass(slots=True)
class FleetFigures:
    """Counts and values of the outcomes that were added."""

    statuses: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    """Customers with a finding, by kind."""
    metrics: defaultdict[str, Values] = field(default_factory=_values)
    naive: defaultdict[str, Values] = field(default_factory=_values)
    compared: tuple[Values, Values] = field(default_factory=lambda: (array("d"), array("d")))
    """MASE and that of the naive forecast, of customers that have both."""
    beating: Counter[bool] = field(default_factory=Counter)
    steps: Values = field(default_factory=lambda: array("d"))
    readings: int = 0

    def add(self, outcome: EvaluationOutcome) -> None:
        """Count a customer."""
        self.statuses[outcome.status] += 1
        if not isinstance(outcome, Evaluated):
            return
        self.readings += outcome.readings
        self.findings.update({finding.kind for finding in outcome.findings})
        if outcome.steps is not None:
            self.steps.append(outcome.steps)
        for values, metrics in ((self.metrics, outcome.metrics), (self.naive, outcome.naive_metrics)):
            for name, value in metrics.items():
                values[name].append(value)
        if "mase" in outcome.metrics and "mase" in outcome.naive_metrics:
            own, naive = self.compared
            own.append(outcome.metrics["mase"])
            naive.append(outcome.naive_metrics["mase"])
        if "mae" in outcome.metrics and "mae" in outcome.naive_metrics:
            self.beating[beats_seasonal_naive(outcome.metrics["mae"], outcome.naive_metrics["mae"])] += 1

    def evaluation(self) -> dict[str, Any]:
        """Return the content of evaluation.json: finite numbers only, what cannot be computed is left out."""
        return {
            "regression_metrics": _means(self.metrics),
            "naive_metrics": _means(self.naive),
            "fleet": {name: {"value": value} for name, value in self._fleet().items()},
            "findings": {kind: {"value": count} for kind, count in sorted(self.findings.items())},
        }

    def _fleet(self) -> dict[str, float]:
        count, total = self.statuses, self.statuses.total()
        figures: dict[str, float | None] = {
            "customers": total,
            "customers_evaluated": count["ok"],
            "customers_failed": count["failed"],
            "customers_without_archive": count["no archive"],
            "customers_without_actuals": count["no actuals"],
            "customers_without_new_readings": count["no new readings"],
            "readings": self.readings,
            "horizon_steps": median(self.steps) if self.steps else None,
            "horizon_steps_most": max(self.steps, default=None),
            "evaluated_fraction": _ratio(count["ok"], total),
            "failed_fraction": _ratio(count["failed"], count["ok"] + count["failed"]),
            "share_beating_naive": _ratio(self.beating[True], self.beating.total()),
            "mase_ratio_to_naive": self._ratio_to_naive(),
        }
        return {name: value for name, value in figures.items() if value is not None}

    def _ratio_to_naive(self) -> float | None:
        own, naive = (_mean(values) for values in self.compared)
        return _ratio(own["value"], naive["value"]) if own and naive else None


def _means(values: Mapping[str, Values]) -> dict[str, Entry]:
    return {name: mean for name, of_customers in values.items() if (mean := _mean(of_customers))}


def _mean(values: Values) -> Entry:
    """Return mean and standard deviation over the customers; empty where they are beyond the floats."""
    if not values:
        return {}
    try:
        mean = math.fsum(value / len(values) for value in values)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 / len(values) for value in values))
    except OverflowError:
        return {}
    entry = {"value": mean, "standard_deviation": deviation}
    return entry if all(map(math.isfinite, entry.values())) else {}


def _ratio(part: float, whole: float) -> float | None:
    if not whole:
        return None
    ratio = part / whole
    return ratio if math.isfinite(ratio) else None
