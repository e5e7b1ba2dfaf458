"""The disk of the server's temporary folder, which can become full while it serves."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

LEAST_BYTES: Final = 64 * 1024
LEAST_FILES: Final = 16
SPARE_FILES: Final = 6
"""Empty ones; launcher.sh removes them to make its own where the disk takes no new file."""


def has_room(folder: Path) -> bool:
    """Return whether the disk of a folder has room for what a load writes."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    has_files = disk.f_files == 0 or disk.f_favail >= LEAST_FILES  # 0: the disk does not count files
    return has_files and disk.f_bavail * disk.f_frsize >= LEAST_BYTES


def keep_spare_files(folder: Path) -> None:
    """Make the spare files that are not there, as far as that is possible."""
    with suppress(OSError):
        for number in range(SPARE_FILES):
            path = folder / f"spare-{number}"
            if not path.exists():
                path.touch()
