"""The few figures at the top of the page, and whether each is good."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fleetcast.evaluation import Holdout
from train.comparison import Comparison
from train.job import JobResult
from train.report.texts import decimal, percent
from train.settings import TrainSettings

ENOUGH_BEAT_NAIVE: Final = 0.75
"""Share of the customers, better than the seasonal naive forecast, from which on a fleet is good."""
FEW_BEAT_NAIVE: Final = 0.5
"""Share below which the seasonal naive forecast would serve the fleet better."""
PROBABILITY: Final = 0.8
COVERAGE_OFF: Final = 0.05
"""Most distance of the coverage of good intervals from their probability; twice as much is bad."""

State: TypeAlias = Literal["good", "bad", "fair"]


@dataclass(frozen=True, slots=True)
class Highlight:
    """A figure, what it counts, and whether it is good."""

    value: str
    text: str
    state: State


def highlights(result: JobResult, settings: TrainSettings, mean_mase: float | None) -> list[Highlight]:
    """Return the highlights of a job: models, forecasts against the naive one, intervals."""
    tally = result.tally
    total, failed = len(result.customers), len(tally.failed)
    with_model = tally.customers - failed
    found = [
        Highlight(
            f"{with_model:,} of {total:,}",
            "customers have a model" + (f"; {failed:,} failed" if failed else ""),
            "good" if with_model == total else "bad",
        )
    ]
    if tally.fallbacks:
        found.append(Highlight(f"{len(tally.fallbacks):,}", "customers have a fallback", "fair"))
    if tally.comparison.customers:
        return found + _of_backtests(tally.comparison)
    if mean_mase is not None:
        where = "in sample" if settings.holdout == Holdout() else "on held-out readings"
        found.append(Highlight(decimal(mean_mase), f"mean error (mase) {where}", "fair"))
    return found


def _of_backtests(comparison: Comparison) -> list[Highlight]:
    found = []
    if (share := comparison.share_beating_naive) is not None:
        state: State = "good" if share >= ENOUGH_BEAT_NAIVE else "bad" if share < FEW_BEAT_NAIVE else "fair"
        found.append(
            Highlight(percent(share), "of the customers: better than the seasonal naive forecast", state)
        )
    error, naive = comparison.error_beside_naive.value, comparison.naive_error.value
    if error is not None and naive:
        less = 1 - error / naive
        word = "less" if less >= 0 else "more"
        state = "good" if less > 0 else "bad"
        found.append(Highlight(percent(abs(less)), f"{word} error than the seasonal naive forecast", state))
    covered = comparison.coverage[PROBABILITY].value if PROBABILITY in comparison.coverage else None
    if covered is not None:
        off = round(abs(covered - PROBABILITY), 6)
        state = "good" if off <= COVERAGE_OFF else "bad" if off > 2 * COVERAGE_OFF else "fair"
        found.append(
            Highlight(percent(covered), f"of the readings in {percent(PROBABILITY, 0)} intervals", state)
        )
    return found
