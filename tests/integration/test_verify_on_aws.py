"""examples/verify_on_aws.sh with the real AWS CLI against moto in place of AWS."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from container import Paths
from tests.aws import ACCOUNT, arguments, moto

AWS = Path(sys.executable).with_name("aws")
SCRIPT = Path(__file__).parents[2] / "examples" / "verify_on_aws.sh"
REGION, BUCKET = "eu-central-1", "verify"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fleetcast:1.2.3-amd64"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMaker"
SLOW = """#!/bin/sh
case $2 in
  describe-endpoint) echo Creating; exit ;;
  delete-endpoint)
    if ! [ -e {folder}/refused ]; then
      touch {folder}/refused
      echo "An error occurred (ValidationException): Cannot update in-progress endpoint" >&2
      exit 254
    fi ;;
esac
exec {aws} "$@"
"""
FORECAST = json.dumps(
    {"predictions": [{"ds": f"2026-01-0{day}T00:00:00", "yhat": 1.5} for day in range(1, 8)]}
)


class Finished(NamedTuple):
    code: int
    output: str
    error: str


@dataclass(frozen=True)
class Account:
    environment: dict[str, str]
    archive: Path

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start the script in a session of its own."""
        options = ("--image", IMAGE, "--role", ROLE, "--bucket", BUCKET, "--archive", str(self.archive))
        return subprocess.Popen(
            [SCRIPT, *options, *more],
            env=os.environ | {"PATH": f"{AWS.parent}:{os.environ['PATH']}"} | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def verify(self, *more: str, said: str = "") -> Finished:
        process = self.start(*more)
        output, error = process.communicate(said, timeout=120)
        return Finished(process.returncode, output, error)

    def answer(self, body: str) -> None:
        """Set the response of the endpoint to its next invocation."""
        results = {"account_id": ACCOUNT, "region": REGION, "results": [{"Body": body}]}
        url = f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/static/sagemaker/endpoint-results"
        urllib.request.urlopen(url, json.dumps(results).encode(), timeout=60).close()

    def left(self) -> dict[str, Any]:
        """Return the resources that exist and cost money."""
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

    ended = account.verify("--yes")

    assert ended.code == 0, ended.error
    assert FORECAST in ended.output
    assert ended.output.startswith(f"One ml.m5.large in {REGION} for about 10 minutes")
    assert account.left() == {}


def test_a_response_that_is_not_a_forecast_fails_and_nothing_is_left(account: Account) -> None:
    account.answer('{"error": {}}')

    ended = account.verify("--yes")

    assert ended.code == 1
    assert ended.error == "verify_on_aws.sh: this is not a forecast of 7 days\n"
    assert account.left() == {}


def test_a_creation_that_fails_half_way_leaves_nothing(account: Account) -> None:
    ended = account.verify("--yes", "--instance-type", "ml.abacus")

    assert ended.code != 0
    assert "ml.abacus" in ended.error
    assert "NOT DELETED" not in ended.error
    assert account.left() == {}


@pytest.mark.parametrize("said", ["", "n\n"])
def test_nothing_is_created_without_confirmation(account: Account, said: str) -> None:
    ended = account.verify(said=said)

    assert ended.code == 1
    assert "USD an hour" in ended.output
    assert ended.error.endswith("nothing was created\n")
    assert account.left() == {}


def test_an_interrupt_while_the_endpoint_is_created_leaves_nothing(account: Account, tmp_path: Path) -> None:
    # An endpoint that stays in creation, and whose first deletion is refused
    wrapper = tmp_path / "aws"
    wrapper.write_text(SLOW.format(aws=AWS, folder=tmp_path))
    wrapper.chmod(0o755)
    account.environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    process = account.start("--yes")
    assert process.stdout is not None
    while "is being created" not in process.stdout.readline():
        assert process.poll() is None

    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=300)

    assert process.returncode == 130, error
    assert (tmp_path / "refused").exists()
    assert account.left() == {}


def test_a_dry_run_creates_nothing_and_deletes_what_it_would_create(account: Account) -> None:
    ended = account.verify("--dry-run")

    lines = [line.split() for line in ended.output.splitlines() if line.startswith("aws ")]
    created = [line[2].removeprefix("create-") for line in lines if line[2].startswith("create-")]
    deleted = [line[2].removeprefix("delete-") for line in lines if line[2].startswith("delete-")]
    assert (ended.code, ended.error) == (0, "")
    assert created == ["model", "endpoint-config", "endpoint"]
    assert deleted == created[::-1]
    assert [line[2] for line in lines if line[1] == "s3"] == ["cp", "rm"]
    assert account.left() == {}
