"""Customers' folders, a configuration, and what a training job left, for the tests of jobs."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from container import Paths
from testbed.server import installed
from train.program import train
from train.settings import TrainSettings

HEADER = "timestamp,consumption\n"


def history(*, days: int = 40, seed: int = 0, columns: Mapping[str, float] | None = None) -> str:
    """Return a customer's CSV file: a week's pattern and noise, and further columns around these values."""
    generator = np.random.default_rng(seed)
    ds = np.datetime64("2025-01-01T06:00:00") + np.arange(days) * np.timedelta64(1, "D")
    y = 50 + 5 * np.sin(np.arange(days) * 2 * np.pi / 7) + generator.normal(0, 1, days)
    more = {name: generator.normal(value, 1, days) for name, value in (columns or {}).items()}
    lines = [",".join(["timestamp,consumption", *more])]
    lines += [
        ",".join([str(ds[row]), f"{y[row]:.4f}", *(f"{values[row]:.4f}" for values in more.values())])
        for row in range(days)
    ]
    return "\n".join(lines) + "\n"


def tree(
    base: Path,
    files: Mapping[str, str],
    *,
    config: Mapping[str, str] | None = None,
    **hyperparameters: str,
) -> Paths:
    """Write a channel `train`, a channel `config` where there are files for it, and hyperparameters."""
    paths = Paths(base)
    for channel, contents in (("train", files), ("config", config or {})):
        for name, content in contents.items():
            path = paths.channels / channel / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    return paths


def write_config(paths: Paths, name: str, content: Mapping[str, Any]) -> None:
    """Write one of SageMaker's configuration files, such as `resourceconfig`."""
    (paths.config / f"{name}.json").write_text(json.dumps(content))


def trained(paths: Paths) -> dict[str, dict[str, Any]]:
    """Run the job in this process, with real workers; return the ledger's lines by customer."""
    train(paths, TrainSettings.from_files(paths))
    return ledger(paths)


def ledger(paths: Paths) -> dict[str, dict[str, Any]]:
    """Return the ledger's lines by customer."""
    lines = (paths.output_data / "train.jsonl").read_text().splitlines()
    return {row["customer"]: row for row in map(json.loads, lines)}


def archives(paths: Paths) -> dict[str, bytes]:
    """Return the archives' bytes by file name."""
    return {path.name: path.read_bytes() for path in paths.checkpoints.glob("*.tar.gz")}


def run_train(paths: Paths) -> tuple[int, str]:
    """Run the real program; return its exit code and its log."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    done = subprocess.run(installed("train"), env=environment, capture_output=True, check=False, timeout=300)
    return done.returncode, done.stderr.decode(errors="surrogateescape")
