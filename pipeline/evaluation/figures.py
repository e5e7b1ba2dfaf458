"""Reads evaluation.json, and finds figures in it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from container import quoted
from fleetcast.errors import InputError

MOST_BYTES: Final = 1024 * 1024
"""Of evaluation.json, which has some 2 KB."""


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return the content of evaluation.json; raise `InputError` where it cannot be read."""
    if not path.is_file():
        raise InputError(f"there is no {quoted(path)}: run `fleetcast evaluate` first, or set --evaluation")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{quoted(path)} has more than {MOST_BYTES} bytes; it is no evaluation.json")
    return parse_evaluation(path.read_bytes(), quoted(path))


def parse_evaluation(content: bytes, name: str) -> dict[str, Any]:
    """Return the content of an evaluation.json that has this name; raise `InputError` for anything else."""
    try:
        evaluation = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not readable JSON: {error}") from error
    if not isinstance(evaluation, dict):
        raise InputError(f"{name} must hold a JSON object")
    return evaluation


def figure(evaluation: Mapping[str, Any], path: str) -> float | None:
    """Return the finite number at a path such as `fleet.customers.value`; None where there is none."""
    value: object = evaluation
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def metric_line(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a line of metrics: of the forecasts, of the naive ones, of the fleet."""
    prefixes = {"regression_metrics": "evaluation_", "naive_metrics": "naive_", "fleet": ""}
    line = {}
    for group, prefix in prefixes.items():
        entries = evaluation.get(group)
        for name in entries if isinstance(entries, Mapping) else ():
            value = figure(evaluation, f"{group}.{name}.value")
            if value is not None:
                line[f"{prefix}{name}"] = value
    return line
