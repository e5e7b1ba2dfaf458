"""A trained fleet and the readings that came after its training, for the tests of evaluations."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from container import Paths
from fleetcast.evaluation import Holdout
from fleetcast.forecasting.arrays import Vector
from pipeline.evaluate.figures import FleetFigures
from pipeline.evaluate.job import Inputs, evaluate
from tests.unit.jobs import trained, tree
from train.settings import TrainSettings

START = np.datetime64("2025-01-06T00:00:00")
DAY, HOUR = np.timedelta64(1, "D"), np.timedelta64(1, "h")
TRAINED = 60
"""Readings of a training."""
NEW = 14


def series(rows: int = TRAINED + NEW, *, seed: int = 0) -> Vector:
    """Return daily readings around 50 with a week's pattern."""
    generator = np.random.default_rng(seed)
    y: Vector = 50 + 5 * np.sin(np.arange(rows) * 2 * np.pi / 7) + generator.normal(0, 1, rows)
    return np.round(y, 4)


def csv(
    y: Vector, *, first: int = 0, step: np.timedelta64 = DAY, columns: Mapping[str, Vector] | None = None
) -> str:
    """Return a customer's file; NaN is a missing reading."""
    columns = columns or {}
    lines = [",".join(("timestamp", "consumption", *columns))]
    for row, value in enumerate(y):
        cells = [str(START + step * (first + row)), "" if np.isnan(value) else repr(float(value))]
        lines.append(",".join([*cells, *(repr(float(values[row])) for values in columns.values())]))
    return "\n".join(lines) + "\n"


def fleet(base: Path, files: Mapping[str, str], **hyperparameters: str) -> Paths:
    """Train customers by the project's own job; return the folders."""
    paths = tree(base, {f"{name}/data.csv": content for name, content in files.items()}, **hyperparameters)
    trained(paths)
    return paths


def put(folder: Path, files: Mapping[str, str]) -> None:
    """Write customers' files as `process` does."""
    for name, content in files.items():
        path = folder / name / "data.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def evaluated(  # noqa: PLR0913 - the inputs and options of a job, by name
    paths: Paths,
    actuals: Mapping[str, str],
    *,
    history: Mapping[str, str] | None = None,
    model: Path | None = None,
    horizon: str = "",
    settings: TrainSettings | None = None,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], FleetFigures | None]:
    """Evaluate a trained fleet; return evaluation.json, the lines by customer, and the figures."""
    shutil.rmtree(paths.processing_input, ignore_errors=True)
    put(paths.processing_input / "actuals", actuals)
    put(paths.processing_input / "history", history or {})
    inputs = Inputs(
        model or paths.checkpoints, paths.processing_input / "actuals", paths.processing_input / "history"
    )
    settings = settings or TrainSettings(workers=2)
    figures = evaluate(paths, inputs, settings, horizon=Holdout.parse(horizon))
    folder = paths.processing_output / "evaluation"
    lines = [json.loads(text) for text in (folder / "evaluation.jsonl").read_text().splitlines()]
    content = json.loads((folder / "evaluation.json").read_text())
    return content, {line["customer"]: line for line in lines}, figures
