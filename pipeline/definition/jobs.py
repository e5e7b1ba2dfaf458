"""Arguments of SageMaker's calls that steps make, from what differs between our steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pipeline.definition.values import Get, Join, Value

PROCESSING: Final = "/opt/ml/processing"
MAX_RUNTIME_SECONDS: Final = 86_400
S3Address: TypeAlias = str | Get | Join


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """The machines of a job."""

    type: Value
    count: Value = 1
    volume_gb: int = 30

    def as_json(self) -> dict[str, Any]:
        """Return the machines as the arguments of a job have them."""
        return {"InstanceType": self.type, "InstanceCount": self.count, "VolumeSizeInGB": self.volume_gb}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingInput:
    """A folder in S3 that SageMaker copies to `/opt/ml/processing/<folder>` before a job."""

    name: str
    source: S3Address
    folder: str

    def as_json(self) -> dict[str, Any]:
        """Return the input as the arguments of a processing job have it."""
        s3 = {
            "S3Uri": self.source,
            "LocalPath": f"{PROCESSING}/{self.folder}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        }
        return {"InputName": self.name, "AppManaged": False, "S3Input": s3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOutput:
    """A folder `/opt/ml/processing/<folder>` that SageMaker copies to S3 after a job."""

    name: str
    folder: str
    destination: S3Address

    def as_json(self) -> dict[str, Any]:
        """Return the output as the arguments of a processing job have it."""
        s3 = {
            "S3Uri": self.destination,
            "LocalPath": f"{PROCESSING}/{self.folder}",
            "S3UploadMode": "EndOfJob",
        }
        return {"OutputName": self.name, "AppManaged": False, "S3Output": s3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all jobs of a pipeline share."""

    image: Value
    role: Value

    def processing(
        self,
        program: str,
        arguments: tuple[Value, ...],
        *,
        instances: Instances,
        inputs: tuple[ProcessingInput, ...] = (),
        outputs: tuple[ProcessingOutput, ...] = (),
    ) -> dict[str, Any]:
        """Return the arguments of a processing job that runs `fleetcast PROGRAM`."""
        application: dict[str, Any] = {
            "ImageUri": self.image,
            "ContainerEntrypoint": ["fleetcast", program],
        }
        if arguments:
            application["ContainerArguments"] = list(arguments)
        call: dict[str, Any] = {
            "ProcessingResources": {"ClusterConfig": instances.as_json()},
            "AppSpecification": application,
            "RoleArn": self.role,
            "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
        }
        if inputs:
            call["ProcessingInputs"] = [each.as_json() for each in inputs]
        if outputs:
            call["ProcessingOutputConfig"] = {"Outputs": [each.as_json() for each in outputs]}
        return call

    def algorithm(self, metrics: Mapping[str, str]) -> dict[str, Any]:
        """Return how a training job runs the image; `metrics` has a regular expression by name."""
        return {
            "TrainingInputMode": "File",
            "TrainingImage": self.image,
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in metrics.items()],
        }

    def training(
        self, channels: Mapping[str, S3Address], training: "Training", *, checkpoints: S3Address
    ) -> dict[str, Any]:
        """Return the arguments of a training job; each host gets a part of each channel."""
        return {
            "AlgorithmSpecification": self.algorithm(training.metrics),
            "InputDataConfig": [_channel(name, uri, "ShardedByS3Key") for name, uri in channels.items()],
            "OutputDataConfig": {"S3OutputPath": training.output},
            "CheckpointConfig": {"S3Uri": checkpoints},
            "ResourceConfig": training.instances.as_json(),
            "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
            "HyperParameters": dict(training.hyperparameters),
            "EnableNetworkIsolation": training.network_isolation,
            "RoleArn": self.role,
        }

    def tuning(
        self, channels: Mapping[str, S3Address], training: "Training", *, search: "Search"
    ) -> dict[str, Any]:
        """Return the arguments of a tuning job, whose training jobs have all of each channel."""
        return {
            "HyperParameterTuningJobConfig": search.as_json(),
            "TrainingJobDefinition": {
                "StaticHyperParameters": dict(training.hyperparameters),
                "AlgorithmSpecification": self.algorithm(training.metrics),
                "InputDataConfig": [_channel(name, uri, "FullyReplicated") for name, uri in channels.items()],
                "OutputDataConfig": {"S3OutputPath": training.output},
                "HyperParameterTuningResourceConfig": training.instances.as_json(),
                "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
                "EnableNetworkIsolation": training.network_isolation,
                "RoleArn": self.role,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training job and the training jobs of a tuning job share."""

    instances: Instances
    hyperparameters: Mapping[str, Value]
    metrics: Mapping[str, str]
    """A regular expression by name, for SageMaker's metrics."""
    output: S3Address
    network_isolation: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a tuning job searches, and how long."""

    metric: str
    jobs: Value
    jobs_at_once: Value
    continuous: tuple[tuple[str, float, float, str], ...] = ()
    """Name, least and greatest value, scale (Linear, Logarithmic)."""
    integer: tuple[tuple[str, int, int, str], ...] = ()
    categorical: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def names(self) -> set[str]:
        """Names of the hyperparameters that are searched."""
        return {
            *(name for name, *_ in self.continuous),
            *(name for name, *_ in self.integer),
            *(name for name, _ in self.categorical),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the search as the arguments of a tuning job have it; the metric is minimized."""
        return {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": self.metric},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": self.jobs,
                "MaxParallelTrainingJobs": self.jobs_at_once,
            },
            "ParameterRanges": {
                "ContinuousParameterRanges": [_range(*each) for each in self.continuous],
                "IntegerParameterRanges": [_range(*each) for each in self.integer],
                "CategoricalParameterRanges": [
                    {"Name": name, "Values": list(values)} for name, values in self.categorical
                ],
            },
            "TrainingJobEarlyStoppingType": "Off",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPackage:
    """A model version to register in a group, with its metrics."""

    group: str
    image: Value
    model_data: S3Address
    statistics: S3Address
    instance_types: tuple[str, ...]
    content_types: tuple[str, ...]
    approval: Value

    def as_json(self) -> dict[str, Any]:
        """Return the arguments of the call that registers it."""
        metrics = {"ContentType": "application/json", "S3Uri": self.statistics}
        return {
            "ModelPackageGroupName": self.group,
            "ModelMetrics": {"ModelQuality": {"Statistics": metrics}},
            "InferenceSpecification": {
                "Containers": [{"Image": self.image, "ModelDataUrl": self.model_data}],
                "SupportedContentTypes": list(self.content_types),
                "SupportedResponseMIMETypes": list(self.content_types),
                "SupportedRealtimeInferenceInstanceTypes": list(self.instance_types),
                "SupportedTransformInstanceTypes": list(self.instance_types),
            },
            "ModelApprovalStatus": self.approval,
        }


def _channel(name: str, uri: S3Address, distribution: str) -> dict[str, Any]:
    s3 = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3}}


def _range(name: str, least: float, greatest: float, scale: str) -> dict[str, str]:
    return {"Name": name, "MinValue": str(least), "MaxValue": str(greatest), "ScalingType": scale}
