"""The boto3 example against moto, which checks and stores the calls as SageMaker does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.aws import arguments, moto
from tests.rehearsal import KINDS_OF_BOTO3, ROOT

REGION, BUCKET = "eu-west-1", "fleet"
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fleetcast:0.1.0"


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """Yield the environment of an AWS with a bucket."""
    with moto(REGION) as environment:
        bucket = {"Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": REGION}}
        client(environment, "s3").create_bucket(**bucket)
        yield environment


def client(aws: dict[str, str], service: str) -> Any:
    return boto3.client(service, **arguments(aws))


def run_example(
    aws: dict[str, str], kind: str, *, name: str, bucket: str = BUCKET
) -> subprocess.CompletedProcess[str]:
    options = [kind, "--image", IMAGE, "--role", ROLE, "--bucket", bucket, "--name", name]
    return subprocess.run(
        [sys.executable, "-m", "examples.sagemaker.with_boto3", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | aws,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS_OF_BOTO3)
def test_every_call_is_one_that_boto3_accepts(aws: dict[str, str], kind: str) -> None:
    finished = run_example(aws, kind, name="taken")

    assert finished.stderr == ""
    assert finished.returncode == 0


def test_a_training_job_leaves_its_archives_where_an_endpoint_looks_for_them(aws: dict[str, str]) -> None:
    run_example(aws, "training-job", name="trained")

    job = client(aws, "sagemaker").describe_training_job(TrainingJobName="trained")

    assert job["CheckpointConfig"]["S3Uri"] == "s3://fleet/models/"
    assert job["HyperParameters"]["holdout"] == "7D"


@pytest.mark.parametrize(
    ("kind", "model", "container"),
    [
        (
            "multi-model-endpoint",
            "made-multi-model",
            {"Mode": "MultiModel", "ModelDataUrl": "s3://fleet/models/"},
        ),
        ("plain-endpoint", "made-plain", {"ModelDataUrl": "s3://fleet/jobs/made/output/model.tar.gz"}),
    ],
)
def test_an_endpoint_is_in_service_with_its_model(
    aws: dict[str, str], kind: str, model: str, container: dict[str, str]
) -> None:
    run_example(aws, kind, name="made")

    sagemaker = client(aws, "sagemaker")

    assert sagemaker.describe_endpoint(EndpointName=model)["EndpointStatus"] == "InService"
    assert container.items() <= sagemaker.describe_model(ModelName=model)["PrimaryContainer"].items()


def test_a_tuning_job_minimizes_the_error_on_the_holdout(aws: dict[str, str]) -> None:
    run_example(aws, "tuning-job", name="searched")

    job = client(aws, "sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="searched")

    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert objective == {"Type": "Minimize", "MetricName": "mean_mase"}
    definition = job["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {"max_failed_fraction": "0.05", "holdout": "7D"}
    assert definition["AlgorithmSpecification"]["MetricDefinitions"] == [
        {"Name": "mean_mase", "Regex": "mean_mase=([0-9.]+);"}
    ]


def test_a_batch_transform_names_the_requests_that_were_uploaded(aws: dict[str, str]) -> None:
    run_example(aws, "batch-transform", name="many")

    job = client(aws, "sagemaker").describe_transform_job(TransformJobName="many-batch")
    bucket, _, key = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"][5:].partition("/")
    lines = client(aws, "s3").get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()

    assert [json.loads(line) for line in lines] == [
        {"target_model": "7", "period": 7},
        {"target_model": "8", "period": 7},
    ]


def test_an_error_of_aws_is_reported_in_one_line(aws: dict[str, str]) -> None:
    refused = run_example(aws, "batch-transform", name="lost", bucket="nobodys")

    assert refused.returncode == 1
    assert "NoSuchBucket" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
