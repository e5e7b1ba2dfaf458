"""Parses a column of texts into numbers or times, with a reason for each text that is refused."""

from fleetcast.readings.columns.layouts import pattern_of
from fleetcast.readings.columns.numbers import parse_numbers
from fleetcast.readings.columns.parsed import ParsedColumn, Texts
from fleetcast.readings.columns.times import (
    Evidence,
    evidence_of_times,
    first_of_dates,
    notes_on_times,
    parse_times,
    times_since_1970,
)

__all__ = [
    "Evidence",
    "ParsedColumn",
    "Texts",
    "evidence_of_times",
    "first_of_dates",
    "notes_on_times",
    "parse_numbers",
    "parse_times",
    "pattern_of",
    "times_since_1970",
]
