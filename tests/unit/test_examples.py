"""The examples for SageMaker with boto3, rehearsed; those of the SDKs are in tests/image."""

from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from examples.sagemaker import dry_session
from tests.rehearsal import CONNECTED, KINDS_OF_BOTO3, calls, rehearse, run_offline

BOTO3 = "examples.sagemaker.with_boto3"


@pytest.mark.parametrize("kind", KINDS_OF_BOTO3)
def test_a_dry_run_needs_no_account_and_no_network(kind: str) -> None:
    rehearsed = rehearse("with_boto3", kind)

    assert [name for name, _ in calls(rehearsed.stdout)] == KINDS_OF_BOTO3[kind]
    assert rehearsed.stderr == ""
    assert rehearsed.returncode == 0


@pytest.mark.parametrize("kind", KINDS_OF_BOTO3)
def test_a_dry_run_refuses_a_parameter_that_aws_would_refuse(kind: str) -> None:
    rehearsed = rehearse("with_boto3", kind, "--role", "admin")

    assert rehearsed.returncode == 1
    assert "RoleArn, value: 5, valid min length: 20" in rehearsed.stderr
    assert "Traceback" not in rehearsed.stderr


@pytest.mark.parametrize("kind", KINDS_OF_BOTO3)
def test_a_dry_run_refuses_an_unknown_and_a_missing_parameter_of_each_call(kind: str) -> None:
    rehearsed = calls(rehearse("with_boto3", kind).stdout)

    assert rehearsed
    for name, parameters in rehearsed:
        with pytest.raises(ParamValidationError, match="Unknown parameter"):
            _call(name, parameters | {"Planted": "wrong"})
        with pytest.raises(ParamValidationError, match="Missing required parameter"):
            _call(name, {})


def test_without_a_dry_run_the_call_is_made() -> None:
    options = ("--image=i", "--bucket=b", "--role=arn:aws:iam::123456789012:role/SageMaker")
    credentials = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    assert run_offline(BOTO3, "plain-endpoint", *options, **credentials).returncode == CONNECTED


def test_without_a_dry_run_the_account_must_be_named() -> None:
    ended = run_offline(BOTO3, "plain-endpoint", "--image=i")

    assert ended.returncode == 2
    assert "--role, --bucket: missing" in ended.stderr


def _call(name: str, parameters: dict[str, Any]) -> None:
    service, _, operation = name.partition(".")
    dry_session("eu-west-1").client(service)._make_api_call(operation, parameters)  # noqa: SLF001 -- any operation by its name
