"""The program `doctor`: prints a table of the machine, its settings, versions and a self-check."""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from container.cpu import usable_cpus
from container.java import find_java
from container.memory import free_bytes, total_bytes
from container.profile import Profile, cpu_field, cpu_info
from fleetcast.errors import SettingError

DESCRIPTION: Final = """\
Print a table of this machine, the settings that suit it and why, and the versions of installed packages; then
check that the numeric core computes the numbers of stock Prophet here.  Writes no file.

exit codes: 0 the numbers agree; 1 they differ; 2 an unknown option; 130 after Ctrl-C"""

PACKAGES: Final = (
    "fleetcast",
    "numpy",
    "prophet",
    "cmdstanpy",
    "pandas",
    "holidays",
    "duckdb",
    "msgspec",
    "boto3",
    "flask",
    "gunicorn",
    "multi-model-server",
    "sagemaker-inference",
    "ray",
    "xgboost-cpu",
    "torch",
    "tensorflow",
)
SELF_CHECK: Final = (sys.executable, "-B", "-P", "-m", "fleetcast.forecasting")
"""Runs in a process of its own, because NumPy reads the profile's variables when it is loaded."""
ARM_CORES: Final = {
    "0xd0c": "Neoverse N1 (Graviton2)",
    "0xd40": "Neoverse V1 (Graviton3)",
    "0xd4f": "Neoverse V2 (Graviton4)",
}
MEGABYTE: Final = 1024 * 1024
SECONDS: Final = 60.0
"""The longest time for each program that `doctor` starts."""


def doctor(arguments: Sequence[str], profile: Profile) -> int:
    """Run the program, whose environment has the profile's variables, and return its exit code."""
    argparse.ArgumentParser(
        prog="fleetcast doctor", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    healthy, checked = _self_check()
    rows = [*_machine(), *_settings(profile, os.environ), *_versions(os.environ), *checked]
    width = max(len(name) for name, _ in rows) + 2
    sys.stdout.writelines(f"{name:{width}}{value}\n" for name, value in rows)
    return 0 if healthy else 1


def _machine() -> Iterator[tuple[str, str]]:
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}"
    yield "cpu", cpu_name(cpu_info()) or "unknown"
    yield "cores", f"{usable_cpus()} usable of {os.cpu_count()}"
    limit = total_bytes()
    free = f"{free_bytes() // MEGABYTE:,} MB free"
    yield "memory limit", "none" if limit == sys.maxsize else f"{limit // MEGABYTE:,} MB, {free}"


def cpu_name(info: str) -> str:
    """Return the processor's name from the text of /proc/cpuinfo, which has a number instead on Arm."""
    part = cpu_field(info, "CPU part")
    return cpu_field(info, "model name") or ARM_CORES.get(part, part and f"Arm part {part}")


def _settings(profile: Profile, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "profile", f"{profile.name}: {profile.reason}"
    for name, value in profile.variables.items():
        yield f"  {name}", value
    for name in profile.user_set:
        yield f"  {name}", f"{env[name]} (set by you)"
    one = env["OMP_NUM_THREADS"]
    own = env.get("OWN_CODE_THREADS", one)
    yield "threads", f"{one} in each process of the pool, {own} in code that an archive brings"


def _versions(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    yield "java", _java_version(env)
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _java_version(env: Mapping[str, str]) -> str:
    try:  # without -XX:-UsePerfData Java writes a file to /tmp
        command = [str(find_java(env)), "-XX:-UsePerfData", "-version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except (OSError, SettingError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.partition("\n")[0]


def _self_check() -> tuple[bool, list[tuple[str, str]]]:
    """Return whether the numeric core is right on this machine, and the rows of the table that say so."""
    try:
        done = subprocess.run(SELF_CHECK, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, [("numeric core", f"failed: {error}")]
    lines = done.stdout.splitlines() or ["failed: " + (done.stderr.splitlines() or ["no answer"])[-1]]
    return done.returncode == 0, [("numeric core", line) for line in lines]
