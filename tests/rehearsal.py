"""Rehearse the examples for SageMaker in a process that ends, with code 99, when it opens a connection."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONNECTED = 99
METADATA = "169.254.169.254"
_SERVED = ["sagemaker.CreateModel", "sagemaker.CreateEndpointConfig", "sagemaker.CreateEndpoint"]
KINDS = {
    "training-job": ["sagemaker.CreateTrainingJob"],
    "multi-model-endpoint": [*_SERVED, "sagemaker-runtime.InvokeEndpoint"],
    "plain-endpoint": [*_SERVED, "sagemaker-runtime.InvokeEndpoint"],
    "serverless-endpoint": [*_SERVED, "sagemaker-runtime.InvokeEndpoint"],
    "async-endpoint": [*_SERVED, "s3.PutObject", "sagemaker-runtime.InvokeEndpointAsync"],
    "batch-transform": ["s3.PutObject", "sagemaker.CreateModel", "sagemaker.CreateTransformJob"],
}
"""The calls of each kind, but for those that ask how far something is."""
KINDS_OF_BOTO3 = KINDS | {"tuning-job": ["sagemaker.CreateHyperParameterTuningJob"]}
"""The same of the client without an SDK, which has one kind more."""


def rehearse(
    client: str, kind: str, *options: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run an example with --dry-run."""
    return run_offline(f"examples.sagemaker.{client}", kind, "--dry-run", *options, python=python)


def run_offline(
    module: str, *arguments: str, python: str = sys.executable, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments` with no variable of AWS but those of `more`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [python, "-m", "tests.rehearsal", module, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment | {"HOME": "/nonexistent"} | more,
        timeout=120,
        check=False,
    )


def calls(printed: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (service.Operation, parameters) of the calls that a dry run printed."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith('{"service"')]
    named = [(f"{line['service']}.{line['operation']}", line["parameters"]) for line in lines]
    return [(name, parameters) for name, parameters in named if ".Describe" not in name]


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    if METADATA in arguments:  # SDK v2, when it is imported, asks for the credentials of an EC2 instance
        raise ConnectionRefusedError
    os._exit(CONNECTED)


if __name__ == "__main__":
    del sys.argv[0]
    sys.addaudithook(_refuse)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
