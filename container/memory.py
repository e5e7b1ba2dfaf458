"""How much memory this container may still take."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MACHINE = Path("/proc/meminfo")


class _Group(NamedTuple):
    """Where the kernel tells of a control group's memory."""

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
"""Versions 2 and 1."""


def free_bytes() -> int:
    """Return what the container's limit, or the machine, has left; what the system can drop counts as left.

    Where neither can be read (not Linux) there is no end to it.
    """
    return min([sys.maxsize, *_left_of_the_limit(), *_machine("MemAvailable")])


def total_bytes() -> int:
    """Return the container's limit, or the machine's memory; without either there is no end to it."""
    return min([sys.maxsize, *(most for _, most in _limits()), *_machine("MemTotal")])


def _left_of_the_limit() -> Iterator[int]:
    for group, most in _limits():
        try:
            stat = dict(line.split() for line in (group.folder / "memory.stat").read_text().splitlines())
            yield most - int((group.folder / group.usage).read_text()) + int(stat[group.droppable])
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
