"""Rolling origins: several cut-offs inside a history, each with the readings that followed it.

A method is fitted to what comes before a cut-off and compared with the `horizon` steps after it.

Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4).
"""

from typing import Final

from fleetcast.forecasting.members import Seasons

DEFAULT_CUTOFFS: Final = 3
_LEAST_BEFORE: Final = 50
"""Steps before a cut-off."""
_LONG_SEASONS_TO_LEARN_THEM: Final = 4
_LONG_SEASONS_FOR_LONG_HORIZON: Final = 5
_WITHOUT_SEASON: Final = 6
_PARTS_OF_HORIZON: Final = 4
"""Neighbouring cut-offs are a quarter of the horizon apart, in whole short seasons."""


def cutoffs(n: int, horizon: int, seasons: Seasons, *, count: int = DEFAULT_CUTOFFS) -> list[int]:
    """Return up to `count` numbers of steps, latest first, that come before a cut-off in `n` steps.

    Each cut-off has `horizon` steps after it; before it, it has two long seasons and some more where the
    history has four, else two short ones and some more, but at least 50 steps.  It is empty where the history
    is too short.
    """
    season = max(seasons.short, 1)
    apart = season * max(1, round(horizon / _PARTS_OF_HORIZON / season))
    longest = seasons.long if n >= _LONG_SEASONS_TO_LEARN_THEM * seasons.long else seasons.short
    least = max(_LEAST_BEFORE, 2 * longest + 2 * season)
    return [at for at in (n - horizon - i * apart for i in range(count)) if at >= least]


def default_horizon(n: int, seasons: Seasons) -> int:
    """Return how many steps to forecast in the backtests of `n` steps, if nobody says it.

    A long season where the history has five of them, else two short seasons, or one of a year.
    """
    if seasons.long and n >= _LONG_SEASONS_FOR_LONG_HORIZON * seasons.long:
        return seasons.long
    if seasons.short >= 12:  # noqa: PLR2004 - months, weeks or quarters of an hour
        return 2 * seasons.short if seasons.long else max(seasons.short // 4, _WITHOUT_SEASON)
    return 2 * seasons.short or _WITHOUT_SEASON
