"""Memory of this container: its limit, and how much of it is free."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MACHINE = Path("/proc/meminfo")


class _Group(NamedTuple):
    """The files in which the kernel shows the memory of a control group."""

    folder: Path
    limit: str
    usage: str
    droppable: str


_GROUPS = (
    _Group(Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    _Group(
        Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
)
"""Control groups v2 and v1."""


def free_bytes() -> int:
    """Return how many bytes are free below the container's limit or, without one, on the machine.

    File caches that the kernel can drop count as free.  Where neither can be read (not Linux), the result is
    `sys.maxsize`.
    """
    return min([sys.maxsize, *_free_below_the_limit(), *_machine("MemAvailable")])


def total_bytes() -> int:
    """Return the container's limit or, without one, the machine's memory in bytes; else `sys.maxsize`."""
    return min([sys.maxsize, *(limit for _, limit in _limits()), *_machine("MemTotal")])


def _free_below_the_limit() -> Iterator[int]:
    for group, limit in _limits():
        try:
            stat = dict(line.split() for line in (group.folder / "memory.stat").read_text().splitlines())
            yield limit - int((group.folder / group.usage).read_text()) + int(stat[group.droppable])
        except (OSError, KeyError, ValueError):
            continue


def _limits() -> Iterator[tuple[_Group, int]]:
    for group in _GROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max": no limit
            yield group, int((group.folder / group.limit).read_text())


def _machine(name: str) -> Iterator[int]:
    with suppress(OSError, KeyError, ValueError):
        lines = dict(line.split(":", 1) for line in _MACHINE.read_text().splitlines())
        yield int(lines[name].split()[0]) * 1024
