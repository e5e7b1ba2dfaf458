"""What the README promises is what the code does."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from moto import mock_aws

from serving.request.schema import Request
from serving.variables import VARIABLES
from train.settings import KNOWN

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_every_hyperparameter_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", README.partition("## Train")[2].partition("## Serve")[0]))

    assert described >= KNOWN


def test_every_field_of_a_request_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", README.partition("## Serve")[2].partition("## Settings")[0]))

    assert described >= set(Request.__struct_fields__)


def test_every_variable_that_serving_reads_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", README.partition("## Settings")[2]))

    assert described >= {variable.name for variable in VARIABLES}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_calls_to_sagemaker_are_calls_that_boto3_and_sagemaker_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    with mock_aws(), redirect_stdout(io.StringIO()):
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102 -- the README's own example
