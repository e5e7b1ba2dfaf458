"""Counts the processors that this process may use."""

import math
import os
from pathlib import Path

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # control groups v2
_CFS = Path("/sys/fs/cgroup/cpu")  # and v1


def usable_cpus() -> int:
    """Return the number of processors in the affinity mask, at most the container's CPU quota, at least 1."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(cpus, _quota())))


def _quota() -> float:
    try:
        if _CPU_MAX.is_file():
            quota, period = _CPU_MAX.read_text().split()
        else:
            quota = (_CFS / "cpu.cfs_quota_us").read_text()
            period = (_CFS / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError):  # no such file, or "max": no quota
        return math.inf
