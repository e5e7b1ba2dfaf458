"""The kinds of steps, and the calls of SageMaker that describe their arguments and properties."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import botocore.session


@dataclass(frozen=True, slots=True, kw_only=True)
class StepType:
    """The call that a step makes, and the call whose result has the step's properties."""

    call: str
    name_field: str = ""
    """The argument that SageMaker fills in when a pipeline runs."""
    properties: str = ""
    """Empty where the properties are not checked."""
    also: str = ""
    """A second call whose result has further properties."""


CALLS: Final = {
    "Processing": StepType(
        call="CreateProcessingJob", name_field="ProcessingJobName", properties="DescribeProcessingJob"
    ),
    "Training": StepType(
        call="CreateTrainingJob", name_field="TrainingJobName", properties="DescribeTrainingJob"
    ),
    "Tuning": StepType(
        call="CreateHyperParameterTuningJob",
        name_field="HyperParameterTuningJobName",
        properties="DescribeHyperParameterTuningJob",
        also="ListTrainingJobsForHyperParameterTuningJob",
    ),
    "Model": StepType(call="CreateModel", name_field="ModelName", properties="DescribeModel"),
    "RegisterModel": StepType(call="CreateModelPackage", properties="DescribeModelPackage"),
    "Transform": StepType(
        call="CreateTransformJob", name_field="TransformJobName", properties="DescribeTransformJob"
    ),
    "AutoML": StepType(call="CreateAutoMLJob", name_field="AutoMLJobName", properties="DescribeAutoMLJob"),
    "EndpointConfig": StepType(
        call="CreateEndpointConfig", name_field="EndpointConfigName", properties="DescribeEndpointConfig"
    ),
    "Endpoint": StepType(call="CreateEndpoint", name_field="EndpointName", properties="DescribeEndpoint"),
    "InferenceComponent": StepType(
        call="CreateInferenceComponent",
        name_field="InferenceComponentName",
        properties="DescribeInferenceComponent",
    ),
}
WITHOUT_CALL: Final = (
    *("Condition", "Fail", "Callback", "Lambda", "EMR", "EMRServerless", "QualityCheck", "ClarifyCheck"),
    *("Lineage",),
)
"""Kinds whose arguments no call of SageMaker describes; of theirs only the references are checked."""
TYPES: Final = (*CALLS, *WITHOUT_CALL)
COMMON_FIELDS: Final = (
    *("Name", "Type", "Arguments", "DependsOn", "RetryPolicies", "CacheConfig", "PropertyFiles"),
    *("DisplayName", "Description"),
)
RETRIED: Final = ("Processing", "Training", "Tuning", "Transform", "Model", "RegisterModel", "AutoML", "EMR")
CACHED: Final = (
    *("Processing", "Training", "Tuning", "Transform", "AutoML", "EMR", "Callback", "Lambda"),
    *("QualityCheck", "ClarifyCheck", "EMRServerless"),
)
EXECUTION_VARIABLES: Final = (
    *("StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn"),
    *("PipelineExecutionId", "PipelineExecutionArn", "TrainingJobName", "ProcessingJobName"),
)


@cache
def service() -> Any:  # noqa: ANN401 -- botocore has no types
    """Return botocore's description of SageMaker; it needs no account and no network."""
    return botocore.session.get_session().get_service_model("sagemaker")


def input_shape(call: str) -> Any:  # noqa: ANN401 -- as above
    """Return the shape of a call's arguments."""
    return service().operation_model(call).input_shape


def output_members(kind: StepType) -> dict[str, Any]:
    """Return the shapes of a step's properties by name."""
    members: dict[str, Any] = {}
    for call in filter(None, (kind.properties, kind.also)):
        members |= service().operation_model(call).output_shape.members
    return members
