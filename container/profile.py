"""Chooses environment variables that suit this machine's processor.

The kernel's text about the processor goes in, a `Profile` comes out: variables for OpenBLAS, glibc, PyTorch
and TensorFlow.  A variable that the user has set, even to nothing, is never changed.  What each variable
does and how far it reaches is in docs/explanation/profiles.md.
"""

import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from container.cpu import usable_cpus

_CPU_INFO: Final = Path("/proc/cpuinfo")
_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "amd64", "AMD64": "amd64"}
"""Our name of an architecture by the name that `uname -m` prints."""
_FEATURES: Final = {"arm64": "Features", "amd64": "flags"}
"""The field of /proc/cpuinfo that lists what a processor can do."""
_BF16: Final = {"arm64": ("bf16",), "amd64": ("amx_bf16", "avx512_bf16")}
"""Features that multiply matrices of bfloat16; one of them is enough."""
_ALL: Final = frozenset({"arm64", "amd64", ""})
"""Every architecture, the unknown one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedVariable:
    """A variable that a profile sets, and where it is set."""

    name: str
    value: str
    """Empty for the number of usable processors."""
    accepted: str
    meaning: str
    architectures: frozenset[str] = _ALL
    needs_bf16: bool = False
    alias: str = ""
    """Another variable with which the user may have made the same choice."""

    @property
    def default_text(self) -> str:
        """See `container.variables.Variable`."""
        value = f"`{self.value}`" if self.value else "the usable processors"
        if self.needs_bf16:
            return f"{value} on processors with bfloat16"
        return value if self.architectures == _ALL else f"{value} on {', '.join(sorted(self.architectures))}"


TUNED: Final = (
    TunedVariable(
        name="OMP_NUM_THREADS",
        value="1",
        accepted="at least 1",
        meaning="Threads of linear algebra in each serving process and training worker; "
        "if you set it, also in the code of archives.",
    ),
    TunedVariable(
        name="MALLOC_ARENA_MAX",
        value="2",
        accepted="at least 1",
        meaning="Memory arenas of glibc in each process; more arenas take more memory.",
    ),
    TunedVariable(
        name="OWN_CODE_THREADS",
        value="",
        accepted="at least 1",
        meaning="Threads of the code that an archive brings; it becomes its `OMP_NUM_THREADS`.",
        alias="OMP_NUM_THREADS",
    ),
    TunedVariable(
        name="TF_ENABLE_ONEDNN_OPTS",
        value="1",
        accepted="`0` or `1`",
        meaning="Makes TensorFlow compute with oneDNN.",
        architectures=frozenset({"arm64", "amd64"}),
    ),
    TunedVariable(
        name="LRU_CACHE_CAPACITY",
        value="1024",
        accepted="at least 1",
        meaning="Number of oneDNN primitives that PyTorch caches.",
        architectures=frozenset({"arm64"}),
    ),
    TunedVariable(
        name="THP_MEM_ALLOC_ENABLE",
        value="1",
        accepted="`0` or `1`",
        meaning="Makes PyTorch allocate tensors of 2 MB and more in huge pages.",
        architectures=frozenset({"arm64"}),
    ),
    TunedVariable(
        name="DNNL_DEFAULT_FPMATH_MODE",
        value="BF16",
        accepted="`STRICT`, `BF16`, `F16`, `TF32` or `ANY`",
        meaning="Lets oneDNN multiply float32 matrices in bfloat16; `STRICT` keeps full float32 precision in "
        "custom models.",
        architectures=frozenset({"arm64", "amd64"}),
        needs_bf16=True,
        alias="ONEDNN_DEFAULT_FPMATH_MODE",
    ),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The variables for a processor, and the reason of the choice."""

    name: str
    """`arm64-bf16`, `arm64`, `amd64-bf16`, `amd64` or `generic`."""
    reason: str
    variables: Mapping[str, str]
    """The variables to set; none that the user has set."""
    user_set: tuple[str, ...]
    """The variables that stay as the user has set them."""

    def __str__(self) -> str:
        """Return the line for the log."""
        chosen = " ".join(f"{name}={value}" for name, value in self.variables.items())
        user_set = f", left as set: {' '.join(self.user_set)}" if self.user_set else ""
        return f"profile {self.name} ({self.reason}): {chosen or 'nothing to set'}{user_set}"


def profile(machine: str, features: Collection[str], *, cores: int, env: Mapping[str, str]) -> Profile:
    """Return the profile for an architecture (as `uname -m` prints it), its features and usable cores."""
    architecture = _ARCHITECTURES.get(machine, "")
    bf16 = [feature for feature in _BF16.get(architecture, ()) if feature in features]
    suited = [
        variable
        for variable in TUNED
        if architecture in variable.architectures and (bf16 or not variable.needs_bf16)
    ]
    user_set = {
        variable.name: name
        for variable in suited
        for name in (variable.name, variable.alias)
        if name and name in env
    }
    described = f" with {', '.join(bf16)}" if bf16 else " without bf16" if architecture else ""
    return Profile(
        name=f"{architecture}-bf16" if bf16 else architecture or "generic",
        reason=f"{machine}{described}, {cores} usable {'core' if cores == 1 else 'cores'}",
        variables={each.name: each.value or str(cores) for each in suited if each.name not in user_set},
        user_set=tuple(dict.fromkeys(user_set.values())),
    )


def this_profile(env: Mapping[str, str]) -> Profile:
    """Return the profile for this machine."""
    machine = platform.machine()
    return profile(machine, cpu_features(machine, cpu_info()), cores=usable_cpus(), env=env)


def cpu_info() -> str:
    """Return the text of /proc/cpuinfo; empty where there is none (not Linux)."""
    try:
        return _CPU_INFO.read_text(errors="replace")
    except OSError:
        return ""


def cpu_features(machine: str, info: str) -> frozenset[str]:
    """Return the features of the first processor in the text of /proc/cpuinfo.

    Under emulation the text may describe a processor of another architecture; the set is then empty.
    """
    return frozenset(cpu_field(info, _FEATURES.get(_ARCHITECTURES.get(machine, ""), "")).split())


def cpu_field(info: str, name: str) -> str:
    """Return the first value of that name in the text of /proc/cpuinfo, or an empty text."""
    pairs = (line.partition(":") for line in info.splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")
