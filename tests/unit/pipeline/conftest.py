"""A model registry on this machine, and the programs that talk to it."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws import arguments
from tests.model_registry import sagemaker

Program = Callable[[], int]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Yield a function that returns a client of a service; the environment leads the programs there too."""
    with sagemaker() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield lambda service: boto3.client(service, **arguments(environment))


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a program's `main`, and returns its exit code and last log line."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    caplog.set_level(logging.INFO)

    def started(main: Program, *options: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["fleetcast", *options])
        return main(), caplog.messages[-1]

    return started


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[[float], Path]:
    """Return a function that writes an evaluation.json with a mean MASE as the programs' input."""

    def write(mase: float) -> Path:
        path = tmp_path / "processing" / "input" / "evaluation" / "evaluation.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "regression_metrics": {"mase": {"value": mase, "standard_deviation": 0.1}},
            "naive_metrics": {"mase": {"value": 1.0, "standard_deviation": 0.1}},
            "fleet": {
                "mase_ratio_to_naive": {"value": mase},
                "failed_fraction": {"value": 0.0},
                "evaluated_fraction": {"value": 1.0},
            },
        }
        path.write_text(json.dumps(content))
        return path

    return write
