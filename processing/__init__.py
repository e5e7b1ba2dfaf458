"""Raw readings of many customers go in, one folder per customer comes out, larger than memory."""

from processing._columns import Columns
from processing._job import process

__all__ = ["Columns", "process"]
