"""Files and texts as people write them in; times, numbers and reasons for what is in doubt out."""

from readings._dialect import Dialect, decimal_of, detect_dialect, is_reading
from readings._files import DamagedFileError, decompressed, open_verified, verify
from readings._header import DialectError, EncodingError, place_of
from readings._numbers import numbers
from readings._options import OptionError, ReadingOptions
from readings._parsed import ParsedColumn, Texts
from readings._table import RowError, Table, plain_table, table
from readings._times import (
    Evidence,
    evidence_of_times,
    first_of_dates,
    notes_on_times,
    times,
    times_since_1970,
)

__all__ = [
    "DamagedFileError",
    "Dialect",
    "DialectError",
    "EncodingError",
    "Evidence",
    "OptionError",
    "ParsedColumn",
    "ReadingOptions",
    "RowError",
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
