"""The weekdays, hours, months, holidays and conditions of a forecast without a reading in its history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import FutureError
from fleetcast.forecasting.calendar import DAY, SECOND, Stamps, datetimes, future_stamps, microseconds
from fleetcast.forecasting.features import FeatureMatrix, Holidays
from fleetcast.forecasting.model import Model, SampledModel

_HOUR: Final = 3600 * SECOND
_WEEKDAYS: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MONDAY_OFFSET: Final = 3
"""Days from a Monday to 1970-01-01, a Thursday."""
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LONGEST_WEEK: Final = 7.5
"""Longest period, in days, of a season that depends on the weekday; it is above a day."""
_SHORTEST_YEAR: Final = 180
"""Shortest period, in days, of a season that depends on the month."""
_MOST_NAMES: Final = 5
"""Most holidays that a sentence names; further ones are counted."""


def unseen_slots(
    model: Model | SampledModel,
    ds: ArrayLike,
    *,
    periods: int = 7,
    freq: str | None = "D",
    conditions: Mapping[str, ArrayLike] | None = None,
) -> list[str]:
    """Return a sentence for each kind of time slot in the next `periods` steps that has no reading in `ds`.

    `ds`, shape (N,), are the timestamps with a reading, in any order; `conditions` are the columns of
    `fit`, one value for each timestamp.  Only slots that a season, a holiday or a condition of the model
    depends on count: weekdays for a weekly season, hours for a daily one, months for a yearly one.  If
    `freq` is None and cannot be inferred, the steps are days.  For a sampled model there are no sentences.
    """
    if not isinstance(model, Model):
        return []
    past, future = microseconds(ds), _steps(model.last_dates, periods, freq)
    sentences = [
        *_seasonal(model.layout, past, future),
        *_holidays(model.layout.holidays, past, future),
    ]
    for name in dict.fromkeys(model.layout.conditions):
        flags = np.asarray((conditions or {}).get(name, True), dtype=np.bool_)
        if not flags.any():
            sentences.append(f"condition {name!r} was never true: forecasts in which it is true are a guess")
    return sentences


def _steps(last_dates: Stamps, periods: int, freq: str | None) -> Stamps:
    """Return the timestamps of the next steps."""
    try:
        return future_stamps(last_dates, periods, freq)
    except FutureError:
        return future_stamps(last_dates, periods, "D")


def _seasonal(layout: FeatureMatrix, past: Stamps, future: Stamps) -> Iterator[str]:
    """Yield a sentence for each kind of season whose slots lack readings."""
    seasons = [season.period for season in layout.seasonalities]
    if any(1 < period <= _LONGEST_WEEK for period in seasons):
        names = [_WEEKDAYS[day] for day in _missing(_weekday(past), _weekday(future))]
        if names:
            yield f"no reading on {_listed(names)}: forecasts for {_listed(names)} are a guess"
    if any(period <= 1 for period in seasons):
        hours = _missing(past % DAY // _HOUR, future % DAY // _HOUR)
        if hours:
            yield f"no reading {_listed(_ranges(hours))}: forecasts for these hours are a guess"
    if any(period >= _SHORTEST_YEAR for period in seasons):
        names = [_MONTHS[month] for month in _missing(_month(past), _month(future))]
        if names:
            yield f"no reading in {_listed(names)}: forecasts for {_listed(names)} are a guess"


def _holidays(holidays: Holidays | None, past: Stamps, future: Stamps) -> Iterator[str]:
    """Yield a sentence about holidays that lack readings, if there are any."""
    if holidays is None:
        return
    try:
        needed = holidays.features(future).any(axis=0)
    except FutureError:  # the forecast raises it again, with the reason
        return
    columns = np.flatnonzero(needed & ~holidays.features(past).any(axis=0))
    names = list(dict.fromkeys(_holiday(holidays.columns[column]) for column in columns))
    if names:
        more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
        listed = _listed(names[:_MOST_NAMES] + more)
        yield f"no reading on {listed}: the effect on forecasts for these days is a guess"


def _holiday(column: str) -> str:
    """Return Prophet's name of a holiday's column in words."""
    name, offset = column.rsplit("_delim_", 1)
    return f"holiday {name!r}" if int(offset) == 0 else f"holiday {name!r} {int(offset):+d} days"


def _missing(past: Stamps, future: Stamps) -> list[int]:
    """Return the numbers of slots in the future that are not in the past, ascending."""
    missing: list[int] = np.setdiff1d(future, past).tolist()
    return missing


def _weekday(stamps: Stamps) -> Stamps:
    """Return the weekday of each timestamp; Monday is 0."""
    return (stamps // DAY + _MONDAY_OFFSET) % 7


def _month(stamps: Stamps) -> Stamps:
    """Return the month of each timestamp; January is 0."""
    return datetimes(stamps).astype("datetime64[M]").astype(np.int64) % 12


def _ranges(hours: Sequence[int]) -> list[str]:
    """Return runs of ascending hours as texts such as "from 21:00 to 23:59"."""
    firsts = [hour for hour in hours if hour - 1 not in hours]
    lasts = [hour for hour in hours if hour + 1 not in hours]
    return [f"from {first:02}:00 to {last:02}:59" for first, last in zip(firsts, lasts, strict=True)]


def _listed(names: Sequence[str]) -> str:
    """Return names with commas and "and" between."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
