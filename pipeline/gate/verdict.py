"""What the gate decides: passed or not, and why, in one sentence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleetcast.command import EXIT_USAGE
from pipeline.evaluation import figure
from pipeline.gate.thresholds import THRESHOLDS, number

PASSED: Final = 0
NOT_PASSED: Final = 3
EXIT_CODES: Final[Mapping[int, str]] = {
    PASSED: "passed; with `--exit-zero` also where it is not",
    1: "no decision: a file is missing or cannot be read; the last log line has the reason",
    EXIT_USAGE: "an unknown option, or a package is missing that the program needs",
    NOT_PASSED: "not passed: gate.json and the last log line have the reason",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an evaluation passes."""

    passed: bool
    reason: str
    """One sentence."""

    def to_json(self) -> bytes:
        """Return the content of gate.json."""
        content = {"gate": {"passed": {"value": int(self.passed)}}, "reason": self.reason}
        return json.dumps(content, indent=2).encode() + b"\n"


def judge(evaluation: Mapping[str, Any], limits: Mapping[str, float | None], *further: str) -> Verdict:
    """Return the verdict on an evaluation; `limits` are by option, `further` problems found elsewhere."""
    checked = [(each, limit) for each in THRESHOLDS if (limit := limits[each.option]) is not None]
    found = [each.problem(evaluation, limit) for each, limit in checked]
    if problems := [problem for problem in (*found, *further) if problem]:
        return Verdict(passed=False, reason="; ".join(problems))
    figures = [
        f"{each.name} {number(value)} ({each.option} {number(limit)})"
        for each, limit in checked
        if (value := figure(evaluation, each.path)) is not None
    ]
    return Verdict(passed=True, reason=f"passed: {', '.join(figures) or 'no threshold is set'}")
