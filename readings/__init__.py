"""Texts, numbers and files as people write them in; times in UTC, numbers, and reasons for all that is in doubt, out."""

from readings._dialect import Dialect, detect_dialect
from readings._files import DamagedFileError, open_verified, verify
from readings._header import DialectError, place_of
from readings._numbers import numbers
from readings._options import OptionError, ReadingOptions
from readings._parsed import Parsed
from readings._times import Evidence, evidence_of_times, notes_on_times, times

__all__ = [
    "DamagedFileError",
    "Dialect",
    "DialectError",
    "Evidence",
    "OptionError",
    "Parsed",
    "ReadingOptions",
    "detect_dialect",
    "evidence_of_times",
    "notes_on_times",
    "numbers",
    "open_verified",
    "place_of",
    "times",
    "verify",
]
