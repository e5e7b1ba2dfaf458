"""Reads one customer's CSV or Parquet files into arrays; ambiguous or damaged files are refused."""

from fleetcast.readings.customer.csv_source import MOST_BYTES
from fleetcast.readings.customer.readings import Readings, Times, Vector, parse_readings
from fleetcast.readings.customer.regular_files import link_problem, read_file, read_head
from fleetcast.readings.customer.source import BOUNDS

__all__ = [
    "BOUNDS",
    "MOST_BYTES",
    "Readings",
    "Times",
    "Vector",
    "link_problem",
    "parse_readings",
    "read_file",
    "read_head",
]
