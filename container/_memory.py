"""How much memory this container may still take."""

import sys
from collections.abc import Iterator
from pathlib import Path

_V2 = Path("/sys/fs/cgroup")  # control groups v2
_V1 = _V2 / "memory"  # and v1
_MACHINE = Path("/proc/meminfo")


def free_bytes() -> int:
    """Return what the container's limit, or the machine, has left; what the system can drop counts as left.

    Where neither can be read (not Linux) there is no end to it.
    """
    return min([sys.maxsize, *_left_of_the_limit(), *_left_of_the_machine()])


def _left_of_the_limit() -> Iterator[int]:
    for folder, limit, usage, droppable in (
        (_V2, "memory.max", "memory.current", "inactive_file"),
        (_V1, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = (folder / limit).read_text().strip()
            if most != "max":
                stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                yield int(most) - int((folder / usage).read_text()) + int(stat[droppable])
        except (OSError, KeyError, ValueError):  # no such group
            continue


def _left_of_the_machine() -> Iterator[int]:
    try:
        lines = dict(line.split(":", 1) for line in _MACHINE.read_text().splitlines())
        yield int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return
