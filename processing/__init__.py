"""Raw readings of many customers go in, one folder per customer comes out, larger than memory."""

from processing._folders import write_folders
from processing._readings import Columns, Counts, Readings

__all__ = ["Columns", "Counts", "Readings", "write_folders"]
