"""The dates up to which global models are trained, so that no customer's forecast knows what came later.

Most fleets end at one time, and need that date and one for their backtests.  Where customers end at several
times, each is forecast by the model of the latest date up to its end: the customers are split into groups of
equal size by their ends, and the first end of each group is a date.  Of dates that are close to each other
only one is used, so that a few customers that ended a little earlier do not keep the latest readings from the
model of all others.  The backtests of each group have a date of their own: trees that have never seen these
customers say little about trees that have.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from fleetcast.forecasting.calendar import Stamps

MOST_GROUPS: Final = 6
"""Most groups of customers; it bounds the cost, which grows with the number of dates."""
_QUANTILE: Final = 0.1
"""Share of a group's customers whose first backtest may come before the date of the group's backtests."""
_LOST_GAPS: Final = 3
"""How much older the model of a customer is, in units of `gap`, that ended before its group's date: it has
the date of the group's backtests."""


def dates_of(ends: Stamps, backtests: Stamps, rows: Stamps, gap: int) -> list[int]:
    """Return the dates of the models, ascending, all in microseconds since 1970.

    `ends` are the customers' last readings, and `backtests` the origins of their first backtests, both of
    shape (C,); `rows` are the times of all rows for training, shape (R,).  Dates of groups are at least `gap`
    microseconds apart.
    """
    order = np.argsort(ends, kind="stable")
    ends, backtests = ends[order], backtests[order]
    firsts = sorted({int(ends[len(ends) * k // MOST_GROUPS]) for k in range(MOST_GROUPS)} | {int(ends[-1])})
    dates = _apart(firsts, ends, gap)
    first = int(rows.min(initial=np.iinfo(np.int64).max))
    chosen = list(dates)
    for date, end in zip(dates, [*dates[1:], None], strict=True):
        is_own = (ends >= date) & (end is None or ends < end)
        stale = int(np.quantile(backtests[is_own], _QUANTILE, method="lower"))
        if stale >= first and not any(0 <= stale - other < gap for other in chosen):
            chosen.append(stale)
    return sorted(set(chosen))


def _apart(dates: Sequence[int], ends: Stamps, gap: int) -> list[int]:
    """Return dates that are at least `gap` apart, `ends` being ascending.

    Of two that are closer the first is used, unless the customers with an end between them are so few that
    the readings which all later ones would lack weigh more than those which these few lose.
    """
    apart: list[int] = []
    for date in dates:
        if not apart or date - apart[-1] >= gap:
            apart.append(date)
            continue
        first, own, end = np.searchsorted(ends, (apart[-1], date, apart[-1] + gap))
        if (own - first) * _LOST_GAPS * gap < (end - own) * (date - apart[-1]):
            apart[-1] = date
    return apart
