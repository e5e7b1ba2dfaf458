"""The environment variables that suit this machine's processor: what the kernel says of it in, variables out.

What each is for, and how far it reaches, is in docs/explanation/profiles.md.
"""

import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from container.cpu import usable_cpus

_CPU_INFO: Final = Path("/proc/cpuinfo")
_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "amd64", "AMD64": "amd64"}
_FEATURES: Final = {"arm64": "Features", "amd64": "flags"}
"""What the kernel calls the list of what the processor can do."""
_BF16: Final = {"arm64": ("bf16",), "amd64": ("amx_bf16", "avx512_bf16")}
"""Any of which multiplies matrices of bfloat16."""
_OF_ALL: Final = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_OF_ARCHITECTURE: Final = {
    "arm64": {"TF_ENABLE_ONEDNN_OPTS": "1", "LRU_CACHE_CAPACITY": "1024", "THP_MEM_ALLOC_ENABLE": "1"},
    "amd64": {"TF_ENABLE_ONEDNN_OPTS": "1"},
}
_OF_BF16: Final = {"DNNL_DEFAULT_FPMATH_MODE": "BF16"}
_SAME: Final = {
    "DNNL_DEFAULT_FPMATH_MODE": "ONEDNN_DEFAULT_FPMATH_MODE",
    "OWN_CODE_THREADS": "OMP_NUM_THREADS",
}
"""Another variable by which the user may have said the same."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is set for a processor, and why."""

    name: str
    """`arm64-bf16`, `arm64`, `amd64-bf16`, `amd64` or `generic`."""
    reason: str
    variables: Mapping[str, str]
    """Those to set: none that the user has set."""
    kept: tuple[str, ...]
    """The user's own, which stay as they are."""

    def __str__(self) -> str:
        """Return the line for the log."""
        chosen = " ".join(f"{name}={value}" for name, value in self.variables.items())
        kept = f", left as set: {' '.join(self.kept)}" if self.kept else ""
        return f"profile {self.name} ({self.reason}): {chosen or 'nothing to set'}{kept}"


def profile(machine: str, features: Collection[str], *, cores: int, env: Mapping[str, str]) -> Profile:
    """Return the profile for a machine architecture (as `uname -m`) with these features and usable cores."""
    architecture = _ARCHITECTURES.get(machine, "")
    bf16 = [feature for feature in _BF16.get(architecture, ()) if feature in features]
    wanted = _OF_ALL | {"OWN_CODE_THREADS": str(cores)} | _OF_ARCHITECTURE.get(architecture, {})
    if bf16:
        wanted |= _OF_BF16
    kept = {name: by for name in wanted for by in (name, _SAME.get(name, name)) if by in env}
    what = f" with {', '.join(bf16)}" if bf16 else " without bf16" if architecture else ""
    return Profile(
        name=f"{architecture}-bf16" if bf16 else architecture or "generic",
        reason=f"{machine}{what}, {cores} usable {'core' if cores == 1 else 'cores'}",
        variables={name: value for name, value in wanted.items() if name not in kept},
        kept=tuple(dict.fromkeys(kept.values())),
    )


def this_profile(env: Mapping[str, str]) -> Profile:
    """Return the profile for the machine that this runs on."""
    machine = platform.machine()
    return profile(machine, cpu_features(machine, cpu_info()), cores=usable_cpus(), env=env)


def cpu_info() -> str:
    """Return what the kernel says of the processors; empty where it says nothing (not Linux)."""
    try:
        return _CPU_INFO.read_text(errors="replace")
    except OSError:
        return ""


def cpu_features(machine: str, info: str) -> frozenset[str]:
    """Return what the first processor in the text of /proc/cpuinfo can do.

    Under emulation the text may be that of another architecture's processor: then nothing is known.
    """
    return frozenset(cpu_field(info, _FEATURES.get(_ARCHITECTURES.get(machine, ""), "")).split())


def cpu_field(info: str, name: str) -> str:
    """Return the first value of that name in the text of /proc/cpuinfo, or an empty text."""
    pairs = (line.partition(":") for line in info.splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")
