"""Registers a model package once, and the figures of its evaluation with it."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from fleetcast.archive import SUFFIX
from fleetcast.errors import SettingError
from pipeline.aws import Aws, AwsError, ModelPackages
from pipeline.register.lineage import Lineage

logger = logging.getLogger(__name__)

LINEAGE: Final = "lineage_sha256"
"""The property of a model package by which a second run finds it."""
LOOKED_AT: Final = 100
"""Newest versions in which an equal one is looked for."""
CONTENT_TYPES: Final = ("application/json", "application/jsonlines", "text/csv")
"""What `serve` takes and returns."""
METRICS_PER_CALL: Final = 10
"""Most metrics that BatchPutMetrics takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is registered."""

    group: str
    lineage: Lineage
    evaluation_uri: str
    """Of evaluation.json in S3; empty where it is not there."""
    approval_status: str = "PendingManualApproval"
    description: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Further customer metadata properties."""
    instance_types: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of CreateModelPackage but for its token."""
        instances = list(self.instance_types)
        parameters: dict[str, Any] = {
            "ModelPackageGroupName": self.group,
            "ModelApprovalStatus": self.approval_status,
            "InferenceSpecification": {
                "Containers": [self._container()],
                "SupportedContentTypes": list(CONTENT_TYPES),
                "SupportedResponseMIMETypes": list(CONTENT_TYPES),
            },
            "CustomerMetadataProperties": {**self.properties, LINEAGE: self.lineage.sha256},
        }
        if instances:
            parameters["InferenceSpecification"]["SupportedRealtimeInferenceInstanceTypes"] = instances
            parameters["InferenceSpecification"]["SupportedTransformInstanceTypes"] = instances
        if self.description:
            parameters["ModelPackageDescription"] = self.description
        if self.evaluation_uri:
            source = {"ContentType": "application/json", "S3Uri": self.evaluation_uri}
            parameters["ModelMetrics"] = {"ModelQuality": {"Statistics": source}}
        if made_by := self.lineage.pipeline_execution or self.lineage.training_job:
            parameters["MetadataProperties"] = {"GeneratedBy": made_by}
        return parameters

    def _container(self) -> dict[str, Any]:
        container: dict[str, Any] = {"Image": self.lineage.image}
        if self.lineage.image_digest:
            container["ImageDigest"] = self.lineage.image_digest
        uri = self.lineage.model_data
        if uri.endswith(SUFFIX):
            return container | {"ModelDataUrl": uri}
        prefix = {"S3Uri": f"{uri.rstrip('/')}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
        return container | {"ModelDataSource": {"S3DataSource": prefix}}


def register(aws: Aws, registration: Registration) -> tuple[str, bool]:
    """Return the ARN of the version, and whether it is new; the group is made if it is missing.

    An equal version among the newest ones is not registered again.  Raises AwsError.
    """
    packages = ModelPackages(aws, registration.group)
    description = packages.description()
    if not description:
        _create_group(aws, registration.group)
        description = packages.description()
    latest = ""
    for summary in islice(packages.summaries(), LOOKED_AT):
        arn = str(summary["ModelPackageArn"])
        latest = latest or arn
        properties = packages.describe(arn).get("CustomerMetadataProperties", {})
        if properties.get(LINEAGE) == registration.lineage.sha256:
            return arn, False
    token = (registration.lineage.sha256, str(description.get("CreationTime")), latest)
    response = aws.call(
        "sagemaker",
        "CreateModelPackage",
        ClientToken=hashlib.sha256(json.dumps(token).encode()).hexdigest()[:36],
        **registration.parameters(),
    )
    return str(response.get("ModelPackageArn", "")), True


def _create_group(aws: Aws, group: str) -> None:
    try:
        aws.call("sagemaker", "CreateModelPackageGroup", ModelPackageGroupName=group)
    except AwsError as error:
        if "already exists" not in str(error):  # another run was faster
            raise


def put_metrics(aws: Aws, run: str, metrics: Mapping[str, float]) -> None:
    """Add metrics to a run of an experiment, which is a trial component; raise AwsError."""
    now = int(time.time())
    data = [
        {"MetricName": name, "Timestamp": now, "Step": 0, "Value": value} for name, value in metrics.items()
    ]
    for first in range(0, len(data), METRICS_PER_CALL):
        response = aws.call(
            "sagemaker-metrics",
            "BatchPutMetrics",
            TrialComponentName=run,
            MetricData=data[first : first + METRICS_PER_CALL],
        )
        if errors := response.get("Errors"):
            raise AwsError(f"sagemaker-metrics refused metrics of the run {run}: {errors[0].get('Code')}")


def training_job(aws: Aws, name: str) -> dict[str, Any]:
    """Return what DescribeTrainingJob says of a training job; empty in a dry run.  Raises AwsError."""
    job = aws.call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
    if job and job.get("TrainingJobStatus") not in {None, "Completed"}:
        raise SettingError(
            f"the training job {name} is {job['TrainingJobStatus']}; only a completed one has a model"
        )
    return job
