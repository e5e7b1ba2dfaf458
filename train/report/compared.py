"""The part of the page about compared methods: against the naive forecast, and against one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fleetcast.evaluation import COMBINED, GLOBAL
from train.comparison import Comparison
from train.customer import ALONE, OF_ALL, OF_FLEET
from train.report.pictures import (
    Histogram,
    ReliabilityDiagram,
    ratio_histogram,
    reliability_diagram,
)
from train.report.texts import decimal, name_of, percent
from train.tally import Tally

ALONE_BY: Final = {
    OF_ALL: "the model of all customers alone: too few readings for a backtest",
    OF_FLEET: "the methods that err least in the fleet: no backtest",
    ALONE: "Prophet's model alone: no backtest",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Texts and pictures; tables are lists of rows, in the order of the template's columns."""

    customers: int
    better: int
    worse: int
    equal: int
    without_naive: int
    """Customers that have no seasonal naive forecast to compare with."""
    ratios: Histogram | None
    worst: Sequence[Sequence[str]]
    """Customer, its error in units of the naive forecast's, its MASE, the naive forecast's, Prophet's, number
    of readings, remark."""
    forecasters: Sequence[tuple[str, str]]
    """Number of customers, and what forecasts them."""
    methods: Sequence[Sequence[str]]
    """Method, customers where it weighs most, mean weight, mean MASE, customers that it can forecast."""
    coverage: Sequence[tuple[str, str]]
    """Probability and share covered."""
    reliability: ReliabilityDiagram | None


def compared_part(tally: Tally) -> Compared | None:
    """Return this part of the page; None where no methods were compared."""
    comparison = tally.comparison
    if not comparison.customers:
        return None
    against_naive = comparison.ratios.total()
    coverage = {
        probability: share
        for probability, mean in sorted(comparison.coverage.items())
        if (share := mean.value) is not None
    }
    return Compared(
        customers=comparison.customers,
        better=comparison.better,
        worse=against_naive - comparison.better - comparison.equal,
        equal=comparison.equal,
        without_naive=comparison.customers - against_naive,
        ratios=ratio_histogram(comparison.ratios) if against_naive else None,
        worst=[
            (
                name_of(each.name),
                decimal(each.ratio),
                decimal(each.combined),
                decimal(each.naive),
                decimal(each.prophet),
                f"{each.rows:,}",
                each.remark,
            )
            for each in comparison.worst
        ],
        forecasters=_forecasters(tally),
        methods=_methods(comparison),
        coverage=[(percent(probability, 0), percent(share)) for probability, share in coverage.items()],
        reliability=reliability_diagram(coverage) if coverage else None,
    )


def _forecasters(tally: Tally) -> list[tuple[str, str]]:
    """Return how many customers are forecast by what; the fallbacks have a part of the page of their own."""
    together = "the methods below, as weighted"
    of_all = tally.comparison.methods.get(GLOBAL)
    if of_all is not None and of_all.weight.count:
        share = percent(of_all.weight.value)
        together += (
            f"; {of_all.weight.count:,} of them by the model of all customers (global), which has {share}"
        )
    counts = {together: tally.comparison.customers}
    counts |= {
        text: tally.warnings[kind].customers for kind, text in ALONE_BY.items() if kind in tally.warnings
    }
    rest = tally.customers - len(tally.failed) - len(tally.fallbacks) - sum(counts.values())
    counts["an earlier job's archive that has no backtest"] = rest
    return [(f"{count:,}", text) for text, count in counts.items() if count > 0]


def _methods(comparison: Comparison) -> list[Sequence[str]]:
    """Return a row for the combined forecast, then one for each method, the most frequent winner first."""
    ranked = sorted(comparison.methods.items(), key=lambda each: (-each[1].wins, each[0]))
    return [
        (COMBINED, "", "", decimal(comparison.error.value), f"{comparison.error.count:,}"),
        *(
            (
                name,
                f"{method.wins:,}",
                percent(method.weight.over(comparison.customers)),
                decimal(method.error.value),
                f"{method.error.count:,}",
            )
            for name, method in ranked
        ),
    ]
