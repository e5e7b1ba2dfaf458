"""Files and texts as people write them in; times, numbers and reasons for what is in doubt out."""

from fleetcast.readings.columns.numbers import numbers
from fleetcast.readings.columns.parsed import ParsedColumn, Texts
from fleetcast.readings.columns.times import (
    Evidence,
    evidence_of_times,
    first_of_dates,
    notes_on_times,
    times,
    times_since_1970,
)
from fleetcast.readings.tables.dialect import Dialect, decimal_of, detect_dialect, is_reading
from fleetcast.readings.tables.header import place_of
from fleetcast.readings.tables.options import ReadingOptions
from fleetcast.readings.tables.table import Table, plain_table, table
from fleetcast.readings.tables.verified_files import decompressed, open_verified, verify

__all__ = [
    "Dialect",
    "Evidence",
    "ParsedColumn",
    "ReadingOptions",
    "Table",
    "Texts",
    "decimal_of",
    "decompressed",
    "detect_dialect",
    "evidence_of_times",
    "first_of_dates",
    "is_reading",
    "notes_on_times",
    "numbers",
    "open_verified",
    "place_of",
    "plain_table",
    "table",
    "times",
    "times_since_1970",
    "verify",
]
