"""Splits a CSV file in memory into the texts of its columns, and detects how it is written."""

from fleetcast.readings.tables.dialect import Dialect, decimal_of, detect_dialect, is_reading
from fleetcast.readings.tables.header import place_of
from fleetcast.readings.tables.options import ReadingOptions
from fleetcast.readings.tables.table import Table, parse_plain_table, parse_table
from fleetcast.readings.tables.verified_files import decompress, open_verified, verify

__all__ = [
    "Dialect",
    "ReadingOptions",
    "Table",
    "decimal_of",
    "decompress",
    "detect_dialect",
    "is_reading",
    "open_verified",
    "parse_plain_table",
    "parse_table",
    "place_of",
    "verify",
]
