"""Creates a pipeline in an account, changes it, or leaves it as it is; the same call twice is one."""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from fleetcast.errors import SettingError
from pipeline.aws import Aws, AwsError
from pipeline.definition import objects

logger = logging.getLogger(__name__)


def create_or_update(
    aws: Aws, definition: Mapping[str, Any], *, name: str, role: str, tags: Mapping[str, str]
) -> str:
    """Return the ARN of the pipeline, which has this definition and role, and these tags among others.

    `role` is what SageMaker assumes to start the steps.  Raises SettingError without it, and AwsError.
    """
    if not role:
        raise SettingError("--create needs --role, which SageMaker assumes to start the steps")
    text = json.dumps(definition)
    wanted = [{"Key": key, "Value": value} for key, value in tags.items()]
    found = _described(aws, name)
    if found is None:
        token = hashlib.sha256(json.dumps([name, role, text]).encode()).hexdigest()[:64]
        more = {"Tags": wanted} if wanted else {}
        created = aws.call(
            "sagemaker",
            "CreatePipeline",
            PipelineName=name,
            PipelineDefinition=text,
            ClientRequestToken=token,
            RoleArn=role,
            **more,
        )
        logger.info("created %s", created["PipelineArn"])
        return str(created["PipelineArn"])
    arn = str(found["PipelineArn"])
    if found.get("RoleArn") == role and _content(found.get("PipelineDefinition")) == definition:
        logger.info("unchanged: %s has this definition", arn)
    else:
        aws.call("sagemaker", "UpdatePipeline", PipelineName=name, PipelineDefinition=text, RoleArn=role)
        logger.info("updated %s", arn)
    if wanted:
        aws.call("sagemaker", "AddTags", ResourceArn=arn, Tags=wanted)
    return arn


def start(aws: Aws, definition: Mapping[str, Any], *, name: str, parameters: Mapping[str, str]) -> str:
    """Start an execution and return its ARN; raise SettingError for missing and unknown parameters."""
    declared = {str(each["Name"]): each for each in objects(definition.get("Parameters"))}
    if unknown := sorted(parameters.keys() - declared.keys()):
        raise SettingError(f"there is no parameter {unknown[0]}; accepted: {', '.join(declared)}")
    missing = [key for key, each in declared.items() if "DefaultValue" not in each and key not in parameters]
    if missing:
        raise SettingError(f"--start needs {' and '.join(f'--parameter {key}=…' for key in missing)}")
    given = [{"Name": key, "Value": value} for key, value in parameters.items()]
    started = aws.call("sagemaker", "StartPipelineExecution", PipelineName=name, PipelineParameters=given)
    arn = str(started["PipelineExecutionArn"])
    logger.info("started %s", arn)
    return arn


def _described(aws: Aws, name: str) -> dict[str, Any] | None:
    try:
        return aws.call("sagemaker", "DescribePipeline", PipelineName=name)
    except AwsError as error:
        if error.is_absent:
            return None
        raise


def _content(text: object) -> Any:  # noqa: ANN401 -- whatever JSON holds
    try:
        return json.loads(str(text))
    except ValueError:
        return None
