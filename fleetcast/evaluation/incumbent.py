"""Whether the weights that an earlier job chose stay, or a new choice replaces them.

Both forecast the readings of the same backtests, with methods fitted to the same readings.  Only backtests
count whose readings all came after those that the earlier choice saw.  The new choice is made for each of
them as if its cut-off were today, from backtests that end there.  So neither choice has seen the readings
that it is judged by.

Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from fleetcast.evaluation.rolling_origin import Backtest

Weights: TypeAlias = Mapping[str, float]
"""By method, at least 0, with sum 1."""

STAYS: Final = "a new choice would not have forecast the latest readings better by champion_margin"
REPLACED: Final = "a new choice would have forecast the latest readings better by champion_margin"
TOO_FEW: Final = "too few readings to compare with a new choice: a backtest needs a horizon of newer ones"
OTHER_FREQ: Final = "the readings had another spacing when its methods were chosen"
OTHER_METHODS: Final = "its methods cannot forecast these readings, or the job does not allow them"


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The methods in a customer's forecast, as an earlier job chose them."""

    weights: Weights
    freq: str | None
    """The spacing of the readings then; None where they had none."""
    seen_until: int | None
    """Time of the last reading that the choice saw, in microseconds since 1970; None where it saw none, as
    for Prophet's model alone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an earlier choice stays, and why."""

    is_kept: bool
    reason: str
    incumbent_error: float | None = None
    """Mean absolute scaled error of the earlier choice; None where nothing was compared."""
    challenger_error: float | None = None
    """The same of a new choice."""


def judge(incumbent: Incumbent, choices: Sequence[tuple[Backtest, Weights]], margin: float) -> Verdict:
    """Compare an earlier choice with new ones in the backtests that each new one was made for.

    It is replaced where the new choices' mean error is smaller by more than `margin`, as a share of its own
    error.  Where there is nothing to compare it stays.
    """
    if not choices:
        return Verdict(is_kept=True, reason=TOO_FEW)
    earlier = float(np.mean([_error(test, incumbent.weights) for test, _ in choices]))
    new = float(np.mean([_error(test, choice) for test, choice in choices]))
    is_kept = not new < (1 - margin) * earlier
    return Verdict(is_kept, STAYS if is_kept else REPLACED, earlier, new)


def _error(test: Backtest, weights: Weights) -> float:
    yhat = sum(weight * test.forecasts[name] for name, weight in weights.items())
    return float(np.abs(test.y - yhat).mean() / test.scale)
