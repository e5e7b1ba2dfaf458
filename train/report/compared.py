"""The part of the page about compared methods: against the naive forecast, and against one another."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleetcast.evaluation import COMBINED
from train.comparison import Comparison
from train.report.pictures import (
    Histogram,
    ReliabilityDiagram,
    ratio_histogram,
    reliability_diagram,
)
from train.report.texts import decimal, name_of, percent


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
    methods: Sequence[Sequence[str]]
    """Method, customers where it weighs most, mean weight, mean MASE, customers that it can forecast."""
    coverage: Sequence[tuple[str, str]]
    """Probability and share covered."""
    reliability: ReliabilityDiagram | None


def compared_part(comparison: Comparison) -> Compared | None:
    """Return this part of the page; None where no methods were compared."""
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
        methods=_methods(comparison),
        coverage=[(percent(probability, 0), percent(share)) for probability, share in coverage.items()],
        reliability=reliability_diagram(coverage) if coverage else None,
    )


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
