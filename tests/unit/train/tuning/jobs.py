"""A small fleet whose season is a sum of sines that Prophet's default has too few terms for."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from container import Paths
from testbed.server import installed
from tests.unit.jobs import tree

CUSTOMERS = 10


def spiky(*, seed: int, days: int = 140) -> str:
    """Return a CSV file of daily readings with one high day a week, which needs more than 3 Fourier terms."""
    generator = np.random.default_rng(seed)
    ds = np.datetime64("2025-01-01") + np.arange(days)
    y = 20 + 0.02 * np.arange(days) + generator.normal(0, 1, days)
    y[seed % 7 :: 7] += 15 * (1 + np.arange(days)[seed % 7 :: 7] / 50)
    return "timestamp,consumption\n" + "".join(f"{t},{v:.3f}\n" for t, v in zip(ds, y, strict=True))


def fleet(base: Path, *, customers: int = CUSTOMERS, **hyperparameters: str) -> Paths:
    files = {f"{number:02}/data.csv": spiky(seed=number) for number in range(customers)}
    return tree(base, files, **{"tune_configurations": "12", **hyperparameters})


def start(paths: Paths) -> subprocess.Popen[str]:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    return subprocess.Popen(
        installed("tune"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(paths: Paths) -> tuple[int, str]:
    """Run the real program; return its exit code and its log."""
    process = start(paths)
    _, log = process.communicate(timeout=300)
    return process.returncode, log


def best(paths: Paths) -> Any:
    return json.loads((paths.model / "best-hyperparameters.json").read_text())


def result(paths: Paths) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((paths.output_data / "tune.json").read_text())
    return content
