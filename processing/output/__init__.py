"""Writes usable rows to one folder per customer, and the others to `rejected.csv`."""

from processing.output.customer_folders import write_folders
from processing.output.disk import name_in_errors
from processing.output.folder import customers_to_remove, lock_output, remove
from processing.output.rejected import RejectedRows
from processing.output.sorted_rows import SortedRows, connect, session

__all__ = [
    "RejectedRows",
    "SortedRows",
    "connect",
    "customers_to_remove",
    "lock_output",
    "name_in_errors",
    "remove",
    "session",
    "write_folders",
]
