"""schemathesis sends requests that /openapi.json allows, and many that it does not allow."""

import subprocess
import sys
from pathlib import Path

import pytest

from container import Paths
from testbed.server import serving, serving_plain
from tests.unit.models import model_text, packed_model

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("stack", ["plain", "multi-model"])
def test_every_response_is_one_that_the_openapi_document_describes(stack: str, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    (paths.models / "7" / "model").mkdir(parents=True)
    (paths.models / "7" / "model" / "model.json").write_text(model_text(7.0))
    paths.model.mkdir()
    (paths.model / "7.tar.gz").write_bytes(packed_model(7.0))
    quiet = {"SAGEMAKER_CONTAINER_LOG_LEVEL": "WARNING"}
    server = (
        serving_plain(tmp_path, **quiet)
        if stack == "plain"
        else serving(tmp_path, SERVING_STACK="gunicorn", **quiet)
    )

    with server as running:
        if stack != "plain":
            running.load("7", paths.models / "7" / "model")
        finished = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.url}/openapi.json"),
                *("--checks", CHECKS, "--max-examples", "100", "--mode", "all", "--seed", "1"),
                *("--generation-deterministic", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert finished.returncode == 0, finished.stdout
