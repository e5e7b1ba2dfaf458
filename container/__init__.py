"""What every program uses: paths, environment variables, log lines, errors and exit codes."""

from container.cpu import usable_cpus
from container.environment import COMMON, JAVA_HOME
from container.host import Host
from container.java import find_java
from container.json_file import read_json_object
from container.memory import free_bytes, total_bytes
from container.own_packages import variables_for_own_packages
from container.paths import Paths
from container.profile import TUNED
from container.program import LineFormatter, configure_logging, log_level_name, log_metrics, run
from container.progress_bar import progress
from container.quoting import one_line, quoted
from container.stop import StopRequest
from container.variables import (
    Choice,
    Computed,
    FiniteNumber,
    Flag,
    Fraction,
    Text,
    Variable,
    WholeNumber,
    help_text,
    markdown_table,
)

__all__ = [
    "COMMON",
    "JAVA_HOME",
    "TUNED",
    "Choice",
    "Computed",
    "FiniteNumber",
    "Flag",
    "Fraction",
    "Host",
    "LineFormatter",
    "Paths",
    "StopRequest",
    "Text",
    "Variable",
    "WholeNumber",
    "configure_logging",
    "find_java",
    "free_bytes",
    "help_text",
    "log_level_name",
    "log_metrics",
    "markdown_table",
    "one_line",
    "progress",
    "quoted",
    "read_json_object",
    "run",
    "total_bytes",
    "usable_cpus",
    "variables_for_own_packages",
]
