"""Raw readings of many customers go in, one folder per customer comes out, larger than memory."""

from processing.columns import Columns

__all__ = ["Columns"]
