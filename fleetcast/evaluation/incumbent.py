"""Whether the weights that an earlier job chose stay, or a new choice replaces them.

Both forecast the readings of the same backtests, with methods fitted to the same readings.  Only backtests
count whose readings all came after those that the earlier choice saw.  The new choice is made for each of
them as if its cut-off were today, from backtests that end there.  So neither choice has seen the readings
that it is judged by.

Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from fleetcast.evaluation.metrics import Metric
from fleetcast.evaluation.rolling_origin import Backtest
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps
from fleetcast.forecasting.members import GriddedHistory

Weights: TypeAlias = Mapping[str, float]
"""By method, at least 0, with sum 1."""

STAYS: Final = "a new choice would not have forecast the latest readings better by champion_margin"
REPLACED: Final = "a new choice would have forecast the latest readings better by champion_margin"
TOO_FEW: Final = "too few readings to compare with a new choice: a backtest needs a horizon of newer ones"
OTHER_FREQ: Final = "the readings had another spacing when its methods were chosen"
OTHER_METHODS: Final = "its methods cannot forecast these readings, or the job does not allow them"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an earlier choice stays, and why."""

    is_kept: bool
    reason: str
    incumbent_error: float | None = None
    """MASE of the earlier choice, or its WAPE if that is the metric; None where nothing was compared."""
    challenger_error: float | None = None
    """The same of a new choice."""


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The methods in a customer's forecast, as an earlier job chose them."""

    weights: Weights
    freq: str | None
    """The spacing of the readings then; None where they had none."""
    seen_until: int | None
    """Time of the last reading that the choice saw, in microseconds since 1970; None where it saw none, as
    for Prophet's model alone."""

    def steps_seen(self, history: GriddedHistory, stamps: Stamps) -> int:
        """Return the number of steps up to the last reading that the choice saw, from the rows' `stamps`."""
        if self.seen_until is None:
            return 0
        rows = int(np.searchsorted(stamps, self.seen_until, "right"))
        return int(history.place[rows - 1]) + 1 if rows else 0

    def objection(self, freq: str, usable: Collection[str], *, one_only: bool) -> Verdict | None:
        """Return why the choice cannot stay, whatever its error; None where it can.

        `freq` is the spacing of today's readings, `usable` the methods of the job that can forecast them, and
        `one_only` says that it uses one of them only.
        """
        if self.seen_until is not None and self.freq != freq:
            return Verdict(is_kept=False, reason=OTHER_FREQ)
        if not self.weights.keys() <= set(usable) or (one_only and len(self.weights) > 1):
            return Verdict(is_kept=False, reason=OTHER_METHODS)
        return None


def judge(
    incumbent: Incumbent,
    choices: Sequence[tuple[Backtest, Weights]],
    *,
    margin: float,
    metric: Metric,
    floor: float,
) -> Verdict:
    """Compare an earlier choice with new ones in the backtests that each new one was made for.

    It is replaced where the new choices' error is smaller by more than `margin`, as a share of its own error.
    Where there is nothing to compare it stays.  Forecasts below `floor` count as this value.
    """
    if not choices:
        return Verdict(is_kept=True, reason=TOO_FEW)
    earlier = _error([(test, incumbent.weights) for test, _ in choices], metric, floor)
    new = _error(choices, metric, floor)
    is_kept = not new < (1 - margin) * earlier
    return Verdict(is_kept, STAYS if is_kept else REPLACED, earlier, new)


def _error(choices: Sequence[tuple[Backtest, Weights]], metric: Metric, floor: float) -> float:
    """Return the mean of the backtests' MASE, or one WAPE over all of them."""
    errors = [np.abs(test.y - np.maximum(_forecast(test, weights), floor)) for test, weights in choices]
    if metric == "mase":
        return float(np.mean([e.mean() / test.scale for e, (test, _) in zip(errors, choices, strict=True)]))
    size = sum(float(np.abs(test.y).sum()) for test, _ in choices)
    return sum(float(error.sum()) for error in errors) / (size or 1.0)


def _forecast(test: Backtest, weights: Weights) -> Vector:
    return sum((weight * test.forecasts[name] for name, weight in weights.items()), np.zeros(test.y.size))
