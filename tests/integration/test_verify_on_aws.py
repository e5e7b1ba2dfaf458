"""examples/verify_on_aws.sh against a stand-in for AWS, by the AWS CLI as it is."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from container import Paths
from tests.aws import ACCOUNT, arguments, moto

SCRIPT = Path(__file__).parents[2] / "examples" / "verify_on_aws.sh"
REGION, BUCKET = "eu-central-1", "verify"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fleetcast:1.2.3-amd64"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMaker"
FORECAST = json.dumps(
    {"predictions": [{"ds": f"2026-01-0{day}T00:00:00", "yhat": 1.5} for day in range(1, 8)]}
)


@dataclass(frozen=True)
class Account:
    environment: dict[str, str]
    archive: Path

    def verify(self, *more: str, said: str = "") -> subprocess.CompletedProcess[str]:
        options = ("--image", IMAGE, "--role", ROLE, "--bucket", BUCKET, "--archive", str(self.archive))
        tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            [SCRIPT, *options, *more],
            env=os.environ | self.environment | {"PATH": tools},
            input=said,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def answer(self, body: str) -> None:
        """Have the endpoint answer its next invocation so."""
        results = {"account_id": ACCOUNT, "region": REGION, "results": [{"Body": body}]}
        url = f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/static/sagemaker/endpoint-results"
        urllib.request.urlopen(url, json.dumps(results).encode(), timeout=60).close()

    def left(self) -> dict[str, Any]:
        """Return what is there and costs something."""
        sagemaker = boto3.client("sagemaker", **arguments(self.environment))
        s3 = boto3.client("s3", **arguments(self.environment))
        there = {
            "endpoints": sagemaker.list_endpoints()["Endpoints"],
            "configurations": sagemaker.list_endpoint_configs()["EndpointConfigs"],
            "models": sagemaker.list_models()["Models"],
            "objects": s3.list_objects_v2(Bucket=BUCKET).get("Contents", []),
        }
        sagemaker.close()
        s3.close()
        return {kind: things for kind, things in there.items() if things}


@pytest.fixture
def account(fleet: Paths) -> Iterator[Account]:
    with moto(REGION) as environment:
        client = boto3.client("s3", **arguments(environment))
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.close()
        yield Account(environment, fleet.checkpoints / "3.tar.gz")


def test_a_forecast_is_printed_and_nothing_is_left(account: Account) -> None:
    account.answer(FORECAST)

    finished = account.verify("--yes")

    assert finished.returncode == 0, finished.stderr
    assert FORECAST in finished.stdout
    assert finished.stdout.startswith(f"One ml.m5.large in {REGION} for about 10 minutes")
    assert account.left() == {}


def test_an_answer_that_is_no_forecast_fails_and_nothing_is_left(account: Account) -> None:
    account.answer('{"error": {}}')

    finished = account.verify("--yes")

    assert finished.returncode == 1
    assert finished.stderr == "verify_on_aws.sh: this is not a forecast of 7 days\n"
    assert account.left() == {}


def test_a_creation_that_fails_half_way_leaves_nothing(account: Account) -> None:
    finished = account.verify("--yes", "--instance-type", "ml.abacus")

    assert finished.returncode != 0
    assert "ml.abacus" in finished.stderr
    assert "NOT DELETED" not in finished.stderr
    assert account.left() == {}


@pytest.mark.parametrize("said", ["", "n\n"])
def test_nothing_is_created_without_consent(account: Account, said: str) -> None:
    finished = account.verify(said=said)

    assert finished.returncode == 1
    assert "USD an hour" in finished.stdout
    assert finished.stderr.endswith("nothing was created\n")
    assert account.left() == {}


def test_a_dry_run_creates_nothing_and_deletes_what_it_would_create(account: Account) -> None:
    finished = account.verify("--dry-run")

    lines = [line.split() for line in finished.stdout.splitlines() if line.startswith("aws ")]
    created = [line[2].removeprefix("create-") for line in lines if line[2].startswith("create-")]
    deleted = [line[2].removeprefix("delete-") for line in lines if line[2].startswith("delete-")]
    assert (finished.returncode, finished.stderr) == (0, "")
    assert created == ["model", "endpoint-config", "endpoint"]
    assert deleted == created[::-1]
    assert [line[2] for line in lines if line[1] == "s3"] == ["cp", "rm"]
    assert account.left() == {}
