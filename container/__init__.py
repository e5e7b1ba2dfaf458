"""What every program stands on: the environment goes in, typed settings, paths, errors and logs come out."""

from container._cpu import usable_cpus
from container._errors import FleetcastError, InputError, SettingError
from container._java import find_java
from container._memory import free_bytes, total_bytes
from container._paths import Paths
from container._program import LineFormatter, configure_logging, log_level_name, log_metrics, run
from container._progress import progress
from container._quoting import one_line, quoted
from container._settings import choice, flag, fraction, whole_number

__all__ = [
    "FleetcastError",
    "InputError",
    "LineFormatter",
    "Paths",
    "SettingError",
    "choice",
    "configure_logging",
    "find_java",
    "flag",
    "fraction",
    "free_bytes",
    "log_level_name",
    "log_metrics",
    "one_line",
    "progress",
    "quoted",
    "run",
    "total_bytes",
    "usable_cpus",
    "whole_number",
]
