"""What every program stands on: the environment goes in, typed settings, paths, errors and logs come out."""

from container.cpu import usable_cpus
from container.java import find_java
from container.memory import free_bytes, total_bytes
from container.paths import Paths
from container.program import LineFormatter, configure_logging, log_level_name, log_metrics, run
from container.progress import progress
from container.quoting import one_line, quoted
from container.settings import choice, flag, fraction, whole_number

__all__ = [
    "LineFormatter",
    "Paths",
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
