"""Train and serve a fleet on SageMaker with the SageMaker Python SDK v2 (pip install 'sagemaker<3').

python -m examples.sagemaker.with_sdk_v2 training-job --image IMAGE --role ROLE --bucket BUCKET
python -m examples.sagemaker.with_sdk_v2 plain-endpoint --dry-run
"""

import boto3
from sagemaker import Session
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import JSONSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.transformer import Transformer

from examples.sagemaker._fleet import (
    HYPERPARAMETERS,
    INSTANCE_TYPE,
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
ON_AN_INSTANCE = {"instance_type": INSTANCE_TYPE, "initial_instance_count": 1}


def training_job(session: boto3.Session, fleet: Fleet) -> None:
    """Train one model per customer on two hosts.

    Each host gets its share of the customers' files; archives appear in S3 while the job runs, and a job of
    the same data fits only what is new.
    """
    estimator = Estimator(
        image_uri=fleet.image,
        role=fleet.role,
        instance_type=INSTANCE_TYPE,
        instance_count=TRAINING_HOSTS,
        volume_size=VOLUME_GB,
        max_run=MAX_RUNTIME_SECONDS,
        hyperparameters=HYPERPARAMETERS,
        metric_definitions=[{"Name": name, "Regex": regex} for name, regex in METRICS.items()],
        checkpoint_s3_uri=fleet.archives,
        output_path=fleet.jobs,
        debugger_hook_config=False,
        disable_profiler=True,
        sagemaker_session=_sagemaker(session, fleet),
    )
    customers = TrainingInput(fleet.customers, distribution="ShardedByS3Key")
    estimator.fit({"train": customers}, job_name=fleet.name, logs=False)


def multi_model_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the archives of s3://BUCKET/models/, each loaded when it is first asked for."""
    model = MultiDataModel(
        name=fleet.called("multi-model"),
        model_data_prefix=fleet.archives,
        image_uri=fleet.image,
        role=fleet.role,
        sagemaker_session=_sagemaker(session, fleet),
    )
    print(_in_service(model, **ON_AN_INSTANCE).predict(PERIOD, target_model=TARGET_ARCHIVE))


def plain_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job from one endpoint."""
    print(_in_service(_model(session, fleet, "plain"), **ON_AN_INSTANCE).predict(ONE_CUSTOMER))


def serverless_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve the whole fleet of one training job without an instance of your own."""
    serverless = ServerlessInferenceConfig(
        memory_size_in_mb=SERVERLESS_MEMORY_MB, max_concurrency=SERVERLESS_CONCURRENCY
    )
    model = _model(session, fleet, "serverless")
    print(_in_service(model, serverless_inference_config=serverless).predict(ONE_CUSTOMER))


def async_endpoint(session: boto3.Session, fleet: Fleet) -> None:
    """Serve requests that lie in S3, and leave the forecasts in S3."""
    output = AsyncInferenceConfig(output_path=fleet.forecasts, failure_path=fleet.failures)
    predictor = _in_service(_model(session, fleet, "async"), async_inference_config=output, **ON_AN_INSTANCE)
    put_requests(session, fleet)
    answer = AsyncPredictor(predictor).predict_async(
        input_path=fleet.requests_url, initial_args={"ContentType": JSON_LINES, "Accept": JSON_LINES}
    )
    print(f"the forecasts will be in {answer.output_path}")


def batch_transform(session: boto3.Session, fleet: Fleet) -> None:
    """Forecast every customer of a JSON Lines file in S3, without an endpoint.

    A file may have 10,000 lines; with more customers put several files below one prefix.
    """
    put_requests(session, fleet)
    model = _model(session, fleet, "batch")
    model.create()
    transformer = Transformer(
        model_name=model.name,
        instance_type=INSTANCE_TYPE,
        instance_count=1,
        strategy="MultiRecord",
        accept=JSON_LINES,
        output_path=fleet.forecasts,
        sagemaker_session=model.sagemaker_session,
    )
    transformer.transform(
        fleet.requests_url, content_type=JSON_LINES, split_type="Line", job_name=model.name, logs=False
    )
    print(f"the forecasts are in {fleet.forecasts}")


def _sagemaker(session: boto3.Session, fleet: Fleet) -> Session:
    return Session(session, default_bucket=fleet.bucket, sagemaker_config=NO_TELEMETRY)


def _model(session: boto3.Session, fleet: Fleet, kind: str) -> Model:
    return Model(
        image_uri=fleet.image,
        model_data=fleet.model_data,
        role=fleet.role,
        name=fleet.called(kind),
        sagemaker_session=_sagemaker(session, fleet),
    )


def _in_service(model: Model, **how: object) -> Predictor:
    """Deploy a model; return what asks its endpoint, once it is in service."""
    session = model.sagemaker_session
    model.deploy(endpoint_name=model.name, wait=False, **how)
    session.sagemaker_client.get_waiter("endpoint_in_service").wait(EndpointName=model.name)
    return Predictor(model.name, session, serializer=JSONSerializer(), deserializer=JSONDeserializer())


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
