"""Train and serve a fleet on SageMaker with the SageMaker Python SDK v3 (pip install 'sagemaker>=3').

python -m examples.sagemaker.with_sdk_v3 training-job --image IMAGE --role ROLE --bucket BUCKET
python -m examples.sagemaker.with_sdk_v3 plain-endpoint --dry-run
"""

import json

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TransformJob
from sagemaker.core.shapes import (
    AsyncInferenceConfig,
    AsyncInferenceOutputConfig,
    CheckpointConfig,
    ContainerDefinition,
    MetricDefinition,
    OutputDataConfig,
    ProductionVariant,
    S3DataSource,
    StoppingCondition,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

from examples.sagemaker._fleet import (
    HYPERPARAMETERS,
    INSTANCE_TYPE,
    JSON,
    JSON_LINES,
    MAX_RUNTIME_SECONDS,
    METRICS,
    ONE_CUSTOMER,
    PERIOD,
    SERVERLESS_CONCURRENCY,
    SERVERLESS_MEMORY_MB,
    TARGET_ARCHIVE,
    TRAINING_HOSTS,
    VOLUME_GB,
    Fleet,
    put_requests,
)
from examples.sagemaker._program import run

NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def training_job(session: boto3.Session, fleet: Fleet) -> None:
    """Train one model per customer on two hosts.

    Each host gets its share of the customers' files; archives appear in S3 while the job runs, and a job of
    the same data fits only what is new.  The SDK adds the time to the name.
    """
    customers = S3DataSource(
        s3_data_type="S3Prefix", s3_uri=fleet.customers, s3_data_distribution_type="ShardedByS3Key"
    )
    trainer = ModelTrainer(
        training_image=fleet.image,
        role=fleet.role,
        base_job_name=fleet.name,
        compute=Compute(
            instance_type=INSTANCE_TYPE, instance_count=TRAINING_HOSTS, volume_size_in_gb=VOLUME_GB
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=MAX_RUNTIME_SECONDS),
        hyperparameters=HYPERPARAMETERS,
        input_data_config=[InputData(channel_name="train", data_source=customers)],
        checkpoint_config=CheckpointConfig(s3_uri=fleet.archives),
        output_data_config=OutputDataConfig(s3_output_path=fleet.jobs),
        sagemaker_session=Session(session, default_bucket=fleet.bucket, sagemaker_config=NO_TELEMETRY),
    ).with_metric_definitions([MetricDefinition(name=name, regex=regex) for name, regex in METRICS.items()])
    trainer.train(logs=False)
    job = trainer._latest_training_job  # noqa: SLF001 -- the SDK's own documentation takes it from there
    print(f"go on with --name {job.training_job_name}")


def multi_model_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the archives of s3://BUCKET/models/, each loaded when it is first asked for."""
    container = ContainerDefinition(image=fleet.image, mode="MultiModel", model_data_url=fleet.archives)
    endpoint = _endpoint(session, fleet, "multi-model", container=container)
    _forecast(endpoint, PERIOD, target_model=TARGET_ARCHIVE)


def plain_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job from one endpoint."""
    endpoint = _endpoint(session, fleet, "plain", container=_bundles(fleet))
    _forecast(endpoint, ONE_CUSTOMER)


def serverless_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job without an instance of your own."""
    name = _create_model(session, fleet, "serverless", container=_bundles(fleet))
    serverless = {"MemorySizeInMB": SERVERLESS_MEMORY_MB, "MaxConcurrency": SERVERLESS_CONCURRENCY}
    # boto3, because the SDK's EndpointConfig.create sends MemorySizeInMb (aws/sagemaker-core issue 225)
    session.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": serverless}],
    )
    _forecast(_in_service(session, name), ONE_CUSTOMER)


def async_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve requests that lie in S3, and leave the forecasts in S3."""
    output = AsyncInferenceOutputConfig(s3_output_path=fleet.forecasts, s3_failure_path=fleet.failures)
    endpoint = _endpoint(
        session,
        fleet,
        "async",
        container=_bundles(fleet),
        async_inference_config=AsyncInferenceConfig(output_config=output),
    )
    put_requests(session, fleet)
    answer = endpoint.invoke_async(
        input_location=fleet.requests_url, content_type=JSON_LINES, accept=JSON_LINES
    )
    print(f"the forecasts will be in {answer.output_location}")


def batch_transform(session: boto3.Session, fleet: Fleet) -> None:
    """Forecast every customer of a JSON Lines file in S3, without an endpoint.

    A file may have 10,000 lines; with more customers put several files below one prefix.
    """
    put_requests(session, fleet)
    name = _create_model(session, fleet, "batch", container=_bundles(fleet))
    requests = TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=fleet.requests_url)
    job = TransformJob.create(
        session=session,
        transform_job_name=name,
        model_name=name,
        batch_strategy="MultiRecord",
        transform_input=TransformInput(
            data_source=TransformDataSource(s3_data_source=requests),
            content_type=JSON_LINES,
            split_type="Line",
        ),
        transform_output=TransformOutput(s3_output_path=fleet.forecasts, accept=JSON_LINES),
        transform_resources=TransformResources(instance_type=INSTANCE_TYPE, instance_count=1),
    )
    job.wait()
    print(f"the forecasts are in {fleet.forecasts}")


def _bundles(fleet: Fleet) -> ContainerDefinition:
    return ContainerDefinition(image=fleet.image, model_data_url=fleet.model_data)


def _create_model(session: boto3.Session, fleet: Fleet, kind: str, *, container: ContainerDefinition) -> str:
    name = fleet.called(kind)
    Model.create(session=session, model_name=name, execution_role_arn=fleet.role, primary_container=container)
    return name


def _endpoint(
    session: boto3.Session,
    fleet: Fleet,
    kind: str,
    *,
    container: ContainerDefinition,
    **configuration: object,
) -> Endpoint:
    """Serve a model from one instance."""
    name = _create_model(session, fleet, kind, container=container)
    EndpointConfig.create(
        session=session,
        endpoint_config_name=name,
        production_variants=[
            ProductionVariant(
                variant_name="AllTraffic",
                model_name=name,
                instance_type=INSTANCE_TYPE,
                initial_instance_count=1,
            )
        ],
        **configuration,
    )
    return _in_service(session, name)


def _in_service(session: boto3.Session, name: str) -> Endpoint:
    """Make the endpoint of a configuration of the same name; return it once it is in service."""
    endpoint = Endpoint.create(session=session, endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService")
    return endpoint


def _forecast(endpoint: Endpoint, request: dict[str, object], **target: str) -> None:
    answer = endpoint.invoke(body=json.dumps(request), content_type=JSON, accept=JSON, **target)
    print(answer.body.read().decode())


if __name__ == "__main__":
    run(
        __doc__,
        (
            training_job,
            multi_model_endpoint,
            plain_endpoint,
            serverless_endpoint,
            async_endpoint,
            batch_transform,
        ),
    )
