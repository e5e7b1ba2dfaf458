"""Prints the fleet's pipeline as the SageMaker SDK v2 defines it: `train`, `tune`, or steps of `other` kinds.

Runs in the SDK's own environment, with the variables that lead it to a stand-in for AWS.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
from sagemaker.automl.automl import AutoML, AutoMLInput
from sagemaker.estimator import Estimator
from sagemaker.inputs import CreateModelInput, TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.network import NetworkConfig
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.transformer import Transformer
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
)
from sagemaker.workflow.automl_step import AutoMLStep
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.check_job_config import CheckJobConfig
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThan,
    ConditionIn,
    ConditionLessThan,
    ConditionNot,
    ConditionOr,
)
from sagemaker.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import (
    ParameterBoolean,
    ParameterFloat,
    ParameterInteger,
    ParameterString,
)
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep
from sagemaker.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.workflow.steps import (
    CacheConfig,
    CreateModelStep,
    ProcessingStep,
    TrainingStep,
    TransformStep,
    TuningStep,
)

METRICS = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
NAME = "fleetcast"
EXECUTION = ExecutionVariables.PIPELINE_EXECUTION_ID
FAULTS = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=10,
    max_attempts=5,
)
CAPACITY = SageMakerJobStepRetryPolicy(
    exception_types=[
        SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
        SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
        SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
    ],
    interval_seconds=60,
    max_attempts=5,
)
RETRIES = [FAULTS, CAPACITY]
CACHE = CacheConfig(enable_caching=True, expire_after="P30D")
ROLE = "arn:aws:iam::123456789012:role/fleetcast"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fleetcast:1"


def the_fleet(session: PipelineSession, *, tune: bool) -> Pipeline:
    """Return the pipeline of `fleetcast pipeline`, with --tune and --feature-group or without them."""
    image, role = ParameterString("Image", IMAGE), ParameterString("Role", ROLE)
    bucket = ParameterString("Bucket", "bucket")
    small = ParameterString("ProcessingInstanceType", "ml.m5.xlarge")
    readings, cutoff = ParameterString("Readings", "s3://bucket/readings"), ParameterString("Cutoff")
    isolation = ParameterBoolean("NetworkIsolation", default_value=False)
    instance_type, count = (
        ParameterString("InstanceType", "ml.m5.xlarge"),
        ParameterInteger("InstanceCount", 1),
    )
    jobs = ParameterInteger("TuningJobs", 20)
    wait = ParameterInteger("OfflineStoreMinutes", 15)
    limits = {
        "--max-ratio-to-naive": ParameterFloat("MaxRatioToNaive", 1.0),
        "--max-failed-fraction": ParameterFloat("MaxFailedFraction", 0.05),
        "--min-evaluated-fraction": ParameterFloat("MinEvaluatedFraction", 0.5),
    }
    approval = ParameterString(
        "Approval", "PendingManualApproval", enum_values=["PendingManualApproval", "Approved"]
    )

    def step(  # noqa: PLR0913 -- as many as the SDK's own
        name: str,
        program: str,
        arguments: list[Any],
        *,
        inputs: dict[str, tuple[Any, str]],
        outputs: dict[str, str],
        files: list[PropertyFile] | None = None,
        cache: CacheConfig | None = CACHE,
        depends_on: list[Any] | None = None,
    ) -> ProcessingStep:
        processor = Processor(
            role=role,
            image_uri=image,
            instance_count=1,
            instance_type=small,
            entrypoint=["fleetcast", program],
            max_runtime_in_seconds=86_400,
            sagemaker_session=session,
        )
        step_args = processor.run(
            inputs=[
                ProcessingInput(
                    input_name=input_name, source=source, destination=f"/opt/ml/processing/{folder}"
                )
                for input_name, (source, folder) in inputs.items()
            ],
            outputs=[
                ProcessingOutput(
                    output_name=output,
                    source=f"/opt/ml/processing/{folder}",
                    destination=Join("/", ["s3:/", bucket, NAME, EXECUTION, name, "output", output]),
                )
                for output, folder in outputs.items()
            ],
            arguments=arguments or None,
        )
        return ProcessingStep(
            name,
            step_args=step_args,
            property_files=files,
            cache_config=cache,
            depends_on=depends_on,
            retry_policies=RETRIES,
        )

    def output(of: ProcessingStep, name: str) -> Any:
        return of.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri

    steps: list[Any] = []
    raw = {"readings": (readings, "input")}
    source: list[Any] = []
    if tune:
        steps.append(
            step(
                "Ingest",
                "ingest",
                ["--feature-group", "group", "--wait-minutes", wait.to_string()],
                inputs=raw,
                outputs={},
                cache=None,
            )
        )
        raw, source = {}, ["--from-feature-store", "group"]
    later = {"cache": None if tune else CACHE, "depends_on": list(steps) or None}
    customers = {"customers": "output"}
    history = step(
        "Process", "process", [*source, "--before", cutoff], inputs=raw, outputs=customers, **later
    )
    actuals = step(
        "ProcessActuals", "process", [*source, "--since", cutoff], inputs=raw, outputs=customers, **later
    )
    models = Join("/", ["s3:/", bucket, NAME, "models"])
    hyperparameters = {"seasonality_mode": "additive"} if not tune else {"holdout": "7D"}
    metrics = {"mean_mase": METRICS["mean_mase"]} if tune else METRICS
    definitions = [{"Name": name, "Regex": regex} for name, regex in metrics.items()]
    estimator = Estimator(
        image_uri=image,
        role=role,
        instance_count=count,
        instance_type=instance_type,
        output_path=models,
        hyperparameters=hyperparameters,
        metric_definitions=definitions,
        checkpoint_s3_uri=None if tune else Join("/", ["s3:/", bucket, NAME, "checkpoints"]),
        enable_network_isolation=isolation,
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=session,
    )
    distribution = "FullyReplicated" if tune else "ShardedByS3Key"
    channels = {"train": TrainingInput(output(history, "customers"), distribution=distribution)}
    if tune:
        tuner = HyperparameterTuner(
            estimator,
            "mean_mase",
            {
                "changepoint_prior_scale": ContinuousParameter(0.001, 0.5, "Logarithmic"),
                "seasonality_prior_scale": ContinuousParameter(0.01, 10.0, "Logarithmic"),
                "changepoint_range": ContinuousParameter(0.8, 0.95, "Linear"),
                "n_changepoints": IntegerParameter(5, 50, "Linear"),
                "seasonality_mode": CategoricalParameter(["additive", "multiplicative"]),
            },
            metric_definitions=definitions,
            objective_type="Minimize",
            max_jobs=jobs,
            max_parallel_jobs=2,
        )
        model = TuningStep("Tune", step_args=tuner.fit(channels), cache_config=CACHE, retry_policies=RETRIES)
        best = model.properties.TrainingJobSummaries[0].TrainingJobName
        data = Join("/", ["s3:/", bucket, NAME, "models", best, "output", "model.tar.gz"])
    else:
        model = TrainingStep(
            "Train", step_args=estimator.fit(channels), cache_config=CACHE, retry_policies=RETRIES
        )
        data = model.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = step(
        "Evaluate",
        "evaluate",
        [],
        inputs={
            "model": (data, "input/model"),
            "actuals": (output(actuals, "customers"), "input/actuals"),
            "history": (output(history, "customers"), "input/history"),
        },
        outputs={"evaluation": "output/evaluation"},
        files=[report],
    )
    passed = PropertyFile("GateReport", output_name="gate", path="gate.json")
    thresholds = [each for option, limit in limits.items() for each in (option, limit.to_string())]
    gate = step(
        "Gate",
        "gate",
        ["--exit-zero", *thresholds],
        inputs={"evaluation": (output(evaluate, "evaluation"), "input/evaluation")},
        outputs={"gate": "output/gate"},
        files=[passed],
    )
    statistics = MetricsSource(
        content_type="application/json",
        s3_uri=Join("/", [output(evaluate, "evaluation"), "evaluation.json"]),
    )
    kinds = ["application/json", "application/jsonlines", "text/csv"]
    register = ModelStep(
        "Register",
        step_args=Model(image_uri=image, model_data=data, role=role, sagemaker_session=session).register(
            content_types=kinds,
            response_types=kinds,
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=NAME,
            approval_status=approval,
            model_metrics=ModelMetrics(model_statistics=statistics),
        ),
        retry_policies=[FAULTS],
    )
    reason = Join(
        " ", ["The gate was not passed; the reason is in", Join("/", [output(gate, "gate"), "gate.json"])]
    )
    decide = ConditionStep(
        "IsGoodEnough",
        conditions=[
            ConditionEquals(JsonGet(step_name="Gate", property_file=passed, json_path="gate.passed.value"), 1)
        ],
        if_steps=[register],
        else_steps=[FailStep("Fail", error_message=reason)],
    )
    return Pipeline(
        NAME,
        parameters=[
            *(image, role, bucket, small, *([wait] if tune else []), readings, cutoff),
            *([jobs] if tune else []),
            *(instance_type, count, isolation, *limits.values(), approval),
        ],
        steps=[*steps, history, actuals, model, evaluate, gate, decide],
        sagemaker_session=session,
    )


def of_other_kinds(session: PipelineSession) -> Pipeline:
    """Return a pipeline of steps that the fleet's has not: the checker must know them, too."""
    flag, least = ParameterBoolean("Deploy", default_value=True), ParameterFloat("Least", default_value=0.5)
    model = Model(
        image_uri=IMAGE, model_data="s3://bucket/model.tar.gz", role=ROLE, sagemaker_session=session
    )
    create = ModelStep("Make", step_args=model.create(instance_type="ml.m5.large"))
    transformer = Transformer(
        model_name=create.properties.ModelName,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path="s3://bucket/forecasts",
        sagemaker_session=session,
    )
    transform = TransformStep(
        "Transform",
        step_args=transformer.transform("s3://bucket/requests", content_type="application/json"),
    )
    old = CreateModelStep("Old", model=model, inputs=CreateModelInput(instance_type="ml.m5.large"))
    function = Lambda(function_arn="arn:aws:lambda:eu-west-1:123456789012:function:f", session=session)
    call = LambdaStep(
        "Call",
        lambda_func=function,
        inputs={
            "model": create.properties.ModelName,
            "forecasts": transform.properties.TransformOutput.S3OutputPath,
        },
        outputs=[LambdaOutput("code", LambdaOutputTypeEnum.Integer)],
    )
    wait = CallbackStep(
        "Wait",
        sqs_queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        inputs={"code": call.properties.Outputs["code"]},
        outputs=[CallbackOutput("answer", CallbackOutputTypeEnum.String)],
        depends_on=["Transform"],
    )
    spark = EMRStep(
        "Spark",
        display_name="Spark",
        description="a step on a cluster",
        cluster_id="j-1",
        step_config=EMRStepConfig(jar="s3://bucket/x.jar", args=["a"]),
    )
    search = AutoML(
        role=ROLE,
        target_attribute_name="y",
        mode="ENSEMBLING",
        total_job_runtime_in_seconds=3_600,
        sagemaker_session=session,
    )
    inputs = [AutoMLInput(inputs="s3://bucket/x", target_attribute_name="y", channel_type="training")]
    auto = AutoMLStep("Auto", step_args=search.fit(inputs=inputs))
    best = auto.get_best_auto_ml_model(role=ROLE, sagemaker_session=session)
    make_best = ModelStep("Best", step_args=best.create(instance_type="ml.m5.large"))
    quality = QualityCheckStep(
        "Quality",
        skip_check=True,
        register_new_baseline=False,
        quality_check_config=DataQualityCheckConfig(
            baseline_dataset="s3://bucket/x.csv",
            dataset_format={"csv": {"header": True}},
            output_s3_uri="s3://bucket/quality",
        ),
        check_job_config=CheckJobConfig(
            role=ROLE, instance_count=1, instance_type="ml.m5.large", sagemaker_session=session
        ),
        model_package_group_name=NAME,
    )
    stop = Join(" ", ["stop:", quality.properties.CalculatedBaselineConstraints])
    decide = ConditionStep(
        "Decide",
        conditions=[
            ConditionOr(
                [
                    ConditionNot(ConditionIn(wait.properties.Outputs["answer"], ["no", "never"])),
                    ConditionGreaterThan(least, 0.1),
                    ConditionLessThan(least, call.properties.Outputs["code"]),
                ]
            ),
            ConditionEquals(flag, True),  # noqa: FBT003 -- the SDK's own arguments
        ],
        if_steps=[spark],
        else_steps=[FailStep("Stop", error_message=stop)],
    )
    isolated = Processor(
        role=ROLE,
        image_uri=IMAGE,
        instance_count=1,
        instance_type="ml.m5.large",
        network_config=NetworkConfig(enable_network_isolation=flag),
        env={"START": ExecutionVariables.START_DATETIME},
        sagemaker_session=session,
    )
    last = ProcessingStep("Last", step_args=isolated.run(), depends_on=[decide])
    return Pipeline(
        "others",
        parameters=[flag, least],
        steps=[create, transform, old, call, wait, auto, make_best, quality, decide, last],
        sagemaker_session=session,
    )


KINDS: dict[str, Callable[[PipelineSession], Pipeline]] = {
    "train": lambda session: the_fleet(session, tune=False),
    "tune": lambda session: the_fleet(session, tune=True),
    "other": of_other_kinds,
}

if __name__ == "__main__":
    boto3.client("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    pipeline = KINDS[sys.argv[1]](PipelineSession(default_bucket="bucket"))
    print(pipeline.definition())  # noqa: T201 -- what the test reads
