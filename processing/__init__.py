"""The program `process`: splits raw readings, which may exceed memory, into one folder per customer."""

from processing.columns import Columns

__all__ = ["Columns"]
