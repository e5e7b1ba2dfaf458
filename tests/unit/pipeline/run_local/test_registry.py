import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline.definition import FleetOptions, all_steps, fleet_pipeline
from pipeline.run_local.registry import register
from tests.aws import arguments, moto


def of_the_step() -> dict[str, Any]:
    definition = fleet_pipeline(FleetOptions(name="fleet")).as_json()
    (found,) = (each["Arguments"] for each, _ in all_steps(definition["Steps"]) if each["Name"] == "Register")
    (container,) = found["InferenceSpecification"]["Containers"]
    container |= {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] = "s3://bucket/evaluation.json"
    assert isinstance(found, dict)
    return found | {"ModelApprovalStatus": "PendingManualApproval"}


def test_a_file_has_each_version_once(tmp_path: Path) -> None:
    made = [register(tmp_path, of_the_step(), digest, {}) for digest in ("a", "a", "b")]

    assert [each["ModelPackageVersion"] for each in made] == [1, 1, 2]
    packages = json.loads((tmp_path / "registry.json").read_text())["ModelPackages"]
    assert [each["digest"] for each in packages] == ["a", "b"]


def test_with_an_endpoint_of_aws_a_version_is_registered_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moto() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        sagemaker = boto3.client("sagemaker", **arguments(environment))

        made = [register(tmp_path, of_the_step(), digest * 64, environment) for digest in ("a", "a", "b")]

        listed = sagemaker.list_model_packages(ModelPackageGroupName="fleet")["ModelPackageSummaryList"]
        described = sagemaker.describe_model_package(ModelPackageName=made[0]["ModelPackageArn"])
    assert made[0] == made[1] != made[2]
    assert {each["ModelPackageArn"] for each in listed} == {each["ModelPackageArn"] for each in made}
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://bucket/evaluation.json"
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert not (tmp_path / "registry.json").exists()
