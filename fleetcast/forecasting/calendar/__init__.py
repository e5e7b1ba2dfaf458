"""Timestamps as whole microseconds since 1970, and pandas' frequencies that step from one to the next."""

from fleetcast.forecasting.calendar.frequency import (
    BusinessDays,
    Fixed,
    Frequency,
    Monthly,
    Weekly,
    future_stamps,
    parse_frequency,
)
from fleetcast.forecasting.calendar.regular_spacing import spacing
from fleetcast.forecasting.calendar.timestamps import (
    DAY,
    FIRST_DAY,
    LAST_DAY,
    SECOND,
    Stamps,
    datetimes,
    from_iso,
    iso,
    least_step,
    microseconds,
    years,
)

__all__ = [
    "DAY",
    "FIRST_DAY",
    "LAST_DAY",
    "SECOND",
    "BusinessDays",
    "Fixed",
    "Frequency",
    "Monthly",
    "Stamps",
    "Weekly",
    "datetimes",
    "from_iso",
    "future_stamps",
    "iso",
    "least_step",
    "microseconds",
    "parse_frequency",
    "spacing",
    "years",
]
