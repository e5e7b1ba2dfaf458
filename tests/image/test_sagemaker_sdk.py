"""SageMaker's own clients: local mode of the SDKs v2 and v3 against the image, and their examples."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import synthetic
from examples.sagemaker import METRICS
from tests.image.engine import IMAGE, engine
from tests.image.sdk_environment import environment, run
from tests.rehearsal import KINDS, calls, rehearse

ADDED_BY_THE_SDK = {"Environment", "InitialVariantWeight", "ProfilerConfig", "Tags"}
OF_BACKTESTS = (
    "mean_backtest_mase",
    "share_beating_naive",
    "mean_backtest_wape",
    "coverage_80",
    "incumbents_kept",
    "incumbents_replaced",
)
"""Figures of jobs that compare methods, which this one does not."""
REQUESTS = [{"target_model": customer, "period": 2} for customer in ("9", "nobody", "0")]


@pytest.fixture(scope="module")
def v2() -> str:
    return environment(2)


@pytest.fixture(scope="module")
def v3() -> str:
    return environment(3)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with ten customers and a batch of requests; remove the containers that mount it."""
    for customer, times, values in synthetic.readings(customers=10, rows=300):
        path = tmp_path / "customers" / customer / "data.csv"
        path.parent.mkdir(parents=True)
        rows = np.column_stack([times.astype(str), values.round(3).astype(str)])
        np.savetxt(path, rows, fmt="%s", delimiter=",", header="timestamp,consumption", comments="")
    (tmp_path / "requests.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in REQUESTS))
    yield tmp_path
    for container in engine().containers.list(all=True):
        made_in = container.labels.get("com.docker.compose.project.working_dir", "")
        if Path(made_in).is_relative_to(tmp_path):
            container.remove(force=True, v=True)


def test_the_sdk_v2_trains_serves_and_transforms_in_local_mode(v2: str, folder: Path) -> None:
    run(v2, "tests/image/sdk_v2_local.py", IMAGE, str(folder))
    answers = json.loads((folder / "answers.json").read_text())
    (transformed,) = answers["transformed"]

    assert len(answers["one"]["predictions"]) == 7
    assert [_outcome(each) for each in answers["many"]["responses"]] == ["8", "NOT_FOUND"]
    assert [_outcome(json.loads(line)) for line in transformed.splitlines()] == ["9", "NOT_FOUND", "0"]
    assert transformed.endswith("}\n")


def test_the_sdk_v3_trains_in_local_mode(v3: str, folder: Path) -> None:
    printed = run(v3, "tests/image/sdk_v3_local.py", IMAGE, str(folder))
    with tarfile.open(folder / "job" / "compressed_artifacts" / "model.tar.gz") as archive:
        names = archive.getnames()

    assert "fleet-algo-1.sqlite" in names
    counts = {name: len(re.findall(regex, printed)) for name, regex in METRICS.items()}
    assert counts == dict.fromkeys(METRICS, 1) | dict.fromkeys(OF_BACKTESTS, 0)
    assert "customers_ok=10;" in printed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["v2", "v3"])
def test_an_sdk_sends_what_boto3_sends(version: str, kind: str, request: pytest.FixtureRequest) -> None:
    python = request.getfixturevalue(version)

    rehearsed = rehearse(f"with_sdk_{version}", kind, python=python)

    assert rehearsed.returncode == 0, rehearsed.stderr
    assert _essence(calls(rehearsed.stdout)) == _essence(calls(rehearse("with_boto3", kind).stdout))


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_dry_run_of_an_sdk_refuses_a_parameter_that_aws_would_refuse(
    version: str, request: pytest.FixtureRequest
) -> None:
    python = request.getfixturevalue(version)

    rehearsed = rehearse(
        f"with_sdk_{version}", "plain-endpoint", "--role", "arn:x:iam::1:role/x", python=python
    )

    assert rehearsed.returncode == 1
    assert "RoleArn, value: 19, valid min length: 20" in rehearsed.stderr


def _outcome(answer: dict[str, Any]) -> str:
    code = answer.get("error", {}).get("code") or answer["target_model"]
    assert isinstance(code, str)
    return code


def _essence(value: Any) -> Any:
    """Return a call without what an SDK adds to it: empty fields, a default, the time in a job's name."""
    if isinstance(value, dict):
        return {name: _essence(each) for name, each in value.items() if name not in ADDED_BY_THE_SDK}
    if isinstance(value, list | tuple):
        return [_essence(each) for each in value]
    return re.sub(r"^fleet-\d{14}$", "fleet", value) if isinstance(value, str) else value
