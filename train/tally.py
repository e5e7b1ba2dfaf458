"""What a job remembers of a whole fleet: counts, a few numbers per customer, the first of each warning."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from container import quoted
from fleetcast.evaluation import COMBINED, FleetSums
from train.comparison import Comparison
from train.customer import (
    Failed,
    Fallback,
    Kept,
    NotRefreshed,
    Outcome,
    RefreshOutcome,
    Skipped,
    WithArchive,
    reason_of,
)

logger = logging.getLogger(__name__)

LOGGED_PER_STATUS: Final = 10
"""Customers that are logged by name, per status; the ledger has them all."""
LOGGED: Final = (Failed, Fallback, Kept, NotRefreshed)
"""Outcomes that somebody should look at."""


@dataclass(slots=True)
class WarningCount:
    """How many customers have a warning of one kind, and the first of them."""

    customer: str
    sentence: str
    customers: int = 0


@dataclass(slots=True)
class Tally:
    """Counts of a job's outcomes."""

    statuses: Counter[str] = field(default_factory=Counter)
    mase: list[tuple[float, str]] = field(default_factory=list)
    """(mase, customer) of each customer that was measured: held out, of the backtests, or in sample."""
    comparison: Comparison = field(default_factory=Comparison)
    """The customers' backtests."""
    incumbents: Counter[str] = field(default_factory=Counter)
    """How many customers have each outcome of an earlier job's choice; empty where the job keeps none."""
    fleet: FleetSums = field(default_factory=FleetSums)
    """Their errors there, summed up."""
    failed: list[Failed | NotRefreshed] = field(default_factory=list)
    fallbacks: list[tuple[str, str]] = field(default_factory=list)
    """(customer, reason) of each customer that is `fallback` or `kept`."""
    without_engine: int = 0
    """How many of `fallbacks` neither Fleetcast nor Prophet could fit."""
    warnings: dict[str, WarningCount] = field(default_factory=dict)
    """By kind."""

    @property
    def customers(self) -> int:
        """How many customers have an outcome."""
        return self.statuses.total()

    def add(self, outcome: Outcome | RefreshOutcome) -> None:
        """Count a customer, and log it if it is one of the first that somebody should look at."""
        self.statuses[outcome.status] += 1
        if isinstance(outcome, LOGGED) and self.statuses[outcome.status] <= LOGGED_PER_STATUS:
            logger.warning("customer %s %s: %s", quoted(outcome.customer), outcome.status, reason_of(outcome))
        match outcome:
            case Failed() | NotRefreshed():
                self.failed.append(outcome)
            case Fallback():
                self.fallbacks.append((outcome.customer, outcome.reason))
                self.without_engine += outcome.engine == "naive"
            case Kept():
                self.fallbacks.append((outcome.customer, outcome.reason))
                self.without_engine += 1
        if isinstance(outcome, WithArchive):
            self._add_measurements(outcome)

    def _add_measurements(self, outcome: WithArchive) -> None:
        backtest = outcome.metrics.get("backtest", {})
        of_backtest = {"mase": backtest[COMBINED]} if COMBINED in backtest else {}
        measured = outcome.metrics.get("holdout") or of_backtest or outcome.metrics.get("in_sample") or {}
        if outcome.incumbent:
            self.incumbents[outcome.incumbent["outcome"]] += 1
        if "mase" in measured:
            self.mase.append((measured["mase"], outcome.customer))
        remark = "not fitted in this job" if isinstance(outcome, Skipped) else ", ".join(outcome.warnings)
        self.comparison.add(outcome.customer, outcome.metrics, outcome.rows, remark)
        if outcome.errors is not None:
            self.fleet.add(backtest, outcome.errors)
        for kind, sentences in outcome.warnings.items():
            self.warnings.setdefault(kind, WarningCount(outcome.customer, sentences[0])).customers += 1

    def log_rest(self) -> None:
        """Log how many customers were not logged by name, and one line for each kind of warning."""
        for status in dict.fromkeys(each.status for each in LOGGED):
            if (more := self.statuses[status] - LOGGED_PER_STATUS) > 0:
                logger.warning("%d more customers are %s; the ledger says why", more, status)
        for kind, warning in self.warnings.items():
            logger.warning(
                "%s: %d customers, the first %s: %s",
                kind,
                warning.customers,
                quoted(warning.customer),
                warning.sentence,
            )
