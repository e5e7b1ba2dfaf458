"""Keeps Multi Model Server working while the disk of its temporary folder is full.

Each load makes a few small files.  Models are refused while the disk has no room for them; but even to refuse
one, launcher.sh needs a link.  Spare files exist to be removed then.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

MIN_FREE_BYTES: Final = 64 * 1024
MIN_FREE_FILES: Final = 16
"""Bytes and files that a load needs, several times over: loads run side by side."""
SPARE_FILES: Final = 6
"""Number of empty files; removing them makes room for launcher.sh's own.  That script names the last one."""


def has_room(folder: Path) -> bool:
    """Return whether the disk of a folder has room for the files of a load."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    has_files = disk.f_files == 0 or disk.f_favail >= MIN_FREE_FILES  # 0: the disk does not count files
    return has_files and disk.f_bavail * disk.f_frsize >= MIN_FREE_BYTES


def keep_spare_files(folder: Path) -> None:
    """Make the missing spare files; on a full disk, as many as possible."""
    with suppress(OSError):
        for number in range(SPARE_FILES):
            path = folder / f"spare-{number}"
            if not path.exists():
                path.touch()
