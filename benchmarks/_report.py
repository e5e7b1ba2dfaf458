"""The result file and the table: figures with machine, versions, date and command."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks._timing import Comparison

RESULTS: Final = Path(__file__).parent / "results"
_UNITS: Final = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")), "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B"))}


def write(name: str, comparisons: Sequence[Comparison], *, command: str, packages: Iterable[str]) -> str:
    """Write results/<name>.json and results/<name>.md and return the latter's text."""
    facts = about(command, packages=packages)
    RESULTS.mkdir(exist_ok=True)
    content = facts | {"results": [asdict(line) | {"met": line.met} for line in comparisons]}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    text = _markdown(facts, comparisons)
    (RESULTS / f"{name}.md").write_text(text)
    return text


def about(command: str, *, packages: Iterable[str]) -> dict[str, Any]:
    """Return when, how and on which machine a benchmark runs."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": command,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def _markdown(facts: dict[str, Any], comparisons: Sequence[Comparison]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {where}; {versions}.",
        "Medians; a ratio is the median of the rounds' ratios, stock and ours in turn in one run; the CPU",
        "ratio is that of processor seconds instead of the clock's.",
    ]
    section = ""
    for line in comparisons:
        if line.section != section:
            section = line.section
            lines += ["", f"| {section} | stock Prophet | ours | ratio | CPU ratio | asked | |"]
            lines += ["| --- | --: | --: | --: | --: | --: | --- |"]
        lines.append(_row(line))
    return "\n".join(lines) + "\n"


def _row(line: Comparison) -> str:
    asked = f"at least {line.at_least:g}" if line.at_least is not None else ""
    asked = f"at most {_amount(line.at_most, line.unit)}" if line.at_most is not None else asked
    met = {True: "met", False: "**missed**", None: ""}[line.met]
    amounts = f"{_amount(line.stock, line.unit)} | {_amount(line.ours, line.unit)}"
    cpu = "" if line.cpu_ratio is None else f"{line.cpu_ratio:.3g}"
    return f"| {line.case} | {amounts} | {line.ratio:.3g} | {cpu} | {asked} | {met} |"


def _amount(value: float, unit: str) -> str:
    size, name = next((pair for pair in _UNITS[unit] if value >= pair[0]), _UNITS[unit][-1])
    return f"{value / size:.3g} {name}"


def _cpu() -> str:
    """Return the processor's name, on Linux with what /proc/cpuinfo calls it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
