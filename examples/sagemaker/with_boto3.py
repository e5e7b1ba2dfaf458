"""Train and serve a fleet on SageMaker with boto3 alone.

python -m examples.sagemaker.with_boto3 training-job --image IMAGE --role ROLE --bucket BUCKET
python -m examples.sagemaker.with_boto3 plain-endpoint --dry-run
"""

import json
from typing import Any

import boto3

from examples.sagemaker._fleet import (
    HYPERPARAMETERS,
    INSTANCE_TYPE,
    JSON,
    JSON_LINES,
    MAX_RUNTIME_SECONDS,
    METRICS,
    OBJECTIVE,
    ONE_CUSTOMER,
    PERIOD,
    RANGES,
    SERVERLESS_CONCURRENCY,
    SERVERLESS_MEMORY_MB,
    TARGET_ARCHIVE,
    TRAINING_HOSTS,
    TUNING_JOBS,
    TUNING_JOBS_AT_ONCE,
    VOLUME_GB,
    Fleet,
    put_requests,
)
from examples.sagemaker._program import run

ON_AN_INSTANCE = {"InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}


def training_job(session: boto3.Session, fleet: Fleet) -> None:
    """Train one model per customer on two hosts.

    Each host gets its share of the customers' files; archives appear in S3 while the job runs, and a job of
    the same data fits only what is new.
    """
    sagemaker = session.client("sagemaker")
    customers = {
        "S3DataType": "S3Prefix",
        "S3Uri": fleet.customers,
        "S3DataDistributionType": "ShardedByS3Key",
    }
    sagemaker.create_training_job(
        TrainingJobName=fleet.name,
        AlgorithmSpecification={
            "TrainingImage": fleet.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in METRICS.items()],
        },
        RoleArn=fleet.role,
        HyperParameters=HYPERPARAMETERS,
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": customers}}],
        CheckpointConfig={"S3Uri": fleet.archives},
        OutputDataConfig={"S3OutputPath": fleet.jobs},
        ResourceConfig={
            "InstanceType": INSTANCE_TYPE,
            "InstanceCount": TRAINING_HOSTS,
            "VolumeSizeInGB": VOLUME_GB,
        },
        StoppingCondition={"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=fleet.name)


def tuning_job(session: boto3.Session, fleet: Fleet) -> None:
    """Search hyperparameters: a training job for each configuration, compared on the holdout.

    `fleetcast tune` does the same in one job, on a sample of the customers.
    """
    sagemaker = session.client("sagemaker")
    customers = {
        "S3DataType": "S3Prefix",
        "S3Uri": fleet.customers,
        "S3DataDistributionType": "FullyReplicated",
    }
    searched = {each["Name"] for ranges in RANGES.values() for each in ranges}
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=fleet.name,
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": OBJECTIVE},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": TUNING_JOBS,
                "MaxParallelTrainingJobs": TUNING_JOBS_AT_ONCE,
            },
            "ParameterRanges": RANGES,
            "TrainingJobEarlyStoppingType": "Off",
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {
                name: text for name, text in HYPERPARAMETERS.items() if name not in searched
            },
            "AlgorithmSpecification": {
                "TrainingImage": fleet.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": OBJECTIVE, "Regex": METRICS[OBJECTIVE]}],
            },
            "RoleArn": fleet.role,
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": customers}}],
            "OutputDataConfig": {"S3OutputPath": fleet.tuning_archives},
            "ResourceConfig": {
                "InstanceType": INSTANCE_TYPE,
                "InstanceCount": 1,
                "VolumeSizeInGB": VOLUME_GB,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME_SECONDS},
        },
    )
    print(f"aws sagemaker describe-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name {fleet.name}")


def multi_model_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the archives of s3://BUCKET/models/, each loaded when it is first asked for."""
    container = {"Image": fleet.image, "Mode": "MultiModel", "ModelDataUrl": fleet.archives}
    name = _create_model(session, fleet, "multi-model", container)
    _serve(session, name, ON_AN_INSTANCE)
    _forecast(session, name, PERIOD, TargetModel=TARGET_ARCHIVE)


def plain_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job from one endpoint."""
    name = _create_model(session, fleet, "plain", _bundles(fleet))
    _serve(session, name, ON_AN_INSTANCE)
    _forecast(session, name, ONE_CUSTOMER)


def serverless_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job without an instance of your own."""
    serverless = {"MemorySizeInMB": SERVERLESS_MEMORY_MB, "MaxConcurrency": SERVERLESS_CONCURRENCY}
    name = _create_model(session, fleet, "serverless", _bundles(fleet))
    _serve(session, name, {"ServerlessConfig": serverless})
    _forecast(session, name, ONE_CUSTOMER)


def async_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve requests that lie in S3, and leave the forecasts in S3."""
    output = {"S3OutputPath": fleet.forecasts, "S3FailurePath": fleet.failures}
    name = _create_model(session, fleet, "async", _bundles(fleet))
    _serve(session, name, ON_AN_INSTANCE, AsyncInferenceConfig={"OutputConfig": output})
    put_requests(session, fleet)
    answer = session.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=name, InputLocation=fleet.requests_url, ContentType=JSON_LINES, Accept=JSON_LINES
    )
    print(f"the forecasts will be in {answer['OutputLocation']}")


def batch_transform(session: boto3.Session, fleet: Fleet) -> None:
    """Forecast every customer of a JSON Lines file in S3, without an endpoint.

    Lines are sent together, as many as one megabyte holds; the image asks for it so.
    """
    sagemaker = session.client("sagemaker")
    put_requests(session, fleet)
    name = _create_model(session, fleet, "batch", _bundles(fleet))
    requests = {"S3DataType": "S3Prefix", "S3Uri": fleet.requests_url}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        BatchStrategy="MultiRecord",
        TransformInput={
            "DataSource": {"S3DataSource": requests},
            "ContentType": JSON_LINES,
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": fleet.forecasts, "Accept": JSON_LINES},
        TransformResources={"InstanceType": INSTANCE_TYPE, "InstanceCount": 1},
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name)
    print(f"the forecasts are in {fleet.forecasts}")


def _bundles(fleet: Fleet) -> dict[str, str]:
    return {"Image": fleet.image, "ModelDataUrl": fleet.model_data}


def _create_model(session: boto3.Session, fleet: Fleet, kind: str, container: dict[str, str]) -> str:
    name = fleet.called(kind)
    session.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=fleet.role, PrimaryContainer=container
    )
    return name


def _serve(session: boto3.Session, name: str, variant: dict[str, Any], **configuration: object) -> None:
    """Make an endpoint of the model's name and wait until it is in service."""
    sagemaker = session.client("sagemaker")
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": name} | variant],
        **configuration,
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def _forecast(session: boto3.Session, name: str, request: dict[str, Any], **target: str) -> None:
    answer = session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType=JSON, Accept=JSON, Body=json.dumps(request), **target
    )
    print(answer["Body"].read().decode())


if __name__ == "__main__":
    run(
        __doc__,
        (
            training_job,
            tuning_job,
            multi_model_endpoint,
            plain_endpoint,
            serverless_endpoint,
            async_endpoint,
            batch_transform,
        ),
    )
