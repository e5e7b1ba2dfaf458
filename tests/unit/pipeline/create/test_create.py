"""Creating a pipeline, against a stand-in for AWS."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from fleetcast.errors import SettingError
from pipeline.aws import Aws, AwsError
from pipeline.create import create_or_update, start
from pipeline.definition import FleetOptions, fleet_pipeline
from pipeline.program import main
from tests.aws import arguments, moto

ROLE = "arn:aws:iam::123456789012:role/fleetcast"
OPTIONS = FleetOptions(bucket="bucket", image="image", role=ROLE)
DEFINITION = fleet_pipeline(OPTIONS).as_json()


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with moto() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield boto3.client("sagemaker", **arguments(environment))


def create(definition: dict[str, Any] = DEFINITION, **tags: str) -> str:
    return create_or_update(Aws(), definition, name="fleet", role=ROLE, tags=tags)


def tags(sagemaker: Any, arn: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_a_pipeline_is_created_with_its_definition_role_and_tags(sagemaker: Any) -> None:
    arn = create(team="energy")

    made = sagemaker.describe_pipeline(PipelineName="fleet")
    assert made["PipelineArn"] == arn
    assert json.loads(made["PipelineDefinition"]) == DEFINITION
    assert made["RoleArn"] == ROLE
    assert tags(sagemaker, arn) == {"team": "energy"}


def test_the_same_again_changes_nothing_and_another_definition_updates_it(
    sagemaker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    other = fleet_pipeline(FleetOptions(bucket="bucket", instance_count=7)).as_json()

    arns = [create(), create(), create(other)]

    assert len(set(arns)) == 1
    assert [message.split(" ")[0].rstrip(":") for message in caplog.messages if arns[0] in message] == [
        "created",
        "unchanged",
        "updated",
    ]
    assert json.loads(sagemaker.describe_pipeline(PipelineName="fleet")["PipelineDefinition"]) == other
    assert len(sagemaker.list_pipelines()["PipelineSummaries"]) == 1


def test_another_role_updates_it(sagemaker: Any) -> None:
    create()

    create_or_update(Aws(), DEFINITION, name="fleet", role=f"{ROLE}2", tags={})

    assert sagemaker.describe_pipeline(PipelineName="fleet")["RoleArn"] == f"{ROLE}2"


def test_an_execution_has_the_parameters(sagemaker: Any) -> None:
    create()

    arn = start(Aws(), DEFINITION, name="fleet", parameters={"Cutoff": "2026-01-01"})

    listed = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert listed["PipelineParameters"] == [{"Name": "Cutoff", "Value": "2026-01-01"}]


def test_an_execution_does_not_start_without_its_parameters_or_with_unknown_ones() -> None:
    with pytest.raises(SettingError, match=r"--start needs --parameter Cutoff=…"):
        start(Aws(), DEFINITION, name="fleet", parameters={})
    with pytest.raises(SettingError, match=r"there is no parameter Cut; accepted: Image, Role"):
        start(Aws(), DEFINITION, name="fleet", parameters={"Cut": "1"})


def test_what_sagemaker_refuses_is_an_error(sagemaker: Any) -> None:
    with pytest.raises(AwsError, match="StartPipelineExecution"):
        start(Aws(), DEFINITION, name="nobody", parameters={"Cutoff": "2026-01-01"})
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []


def test_without_a_role_nothing_is_created() -> None:
    with pytest.raises(SettingError, match="--create needs --role"):
        create_or_update(Aws(), DEFINITION, name="fleet", role="", tags={})


def test_the_program_creates_and_starts(sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    places = ["--name", "fleet", "--role", ROLE, "--image", "i", "--bucket", "bucket"]
    options = [*places, "--create", "--tag", "a=b", "--start", "--parameter", "Cutoff=2026-01-01"]
    monkeypatch.setattr(sys, "argv", ["fleetcast pipeline", *options])

    assert main() == 0

    (execution,) = sagemaker.list_pipeline_executions(PipelineName="fleet")["PipelineExecutionSummaries"]
    assert "pipeline/fleet/execution/" in execution["PipelineExecutionArn"].lower()
    (summary,) = sagemaker.list_pipelines()["PipelineSummaries"]
    assert tags(sagemaker, summary["PipelineArn"]) == {"a": "b"}
