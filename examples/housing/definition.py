"""The example as a SageMaker pipeline: Ingest -> Prepare -> Train -> Evaluate -> Gate -> Register, or Fail.

  python -m examples.housing.definition > housing.json
  fleetcast pipeline --check housing.json

Ingest, Prepare, Train and Evaluate run the scripts of this folder, from an image that has them and Ray Data;
Gate is a program of every image.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from examples.housing.thresholds import thresholds
from pipeline.definition.jobs import Instances, Job, ModelPackage, ProcessingInput, ProcessingOutput
from pipeline.definition.steps import Condition, ConditionStep, FailStep, JobStep, Pipeline, PropertyFile
from pipeline.definition.values import EXECUTION_ID, Get, Join, JsonGet, Parameter, Value, text_of

NAME: Final = "housing"
PARAMETERS: Final = (
    Parameter(name="Image", type="String"),
    Parameter(name="Role", type="String"),
    Parameter(name="Bucket", type="String"),
    Parameter(name="FeatureGroup", type="String", default=NAME),
    Parameter(name="OfflineStore", type="String"),
    Parameter(name="InstanceType", type="String", default="ml.m5.xlarge"),
    Parameter(name="InstanceCount", type="Integer", default=1),
    Parameter(name="Trials", type="Integer", default=12),
    Parameter(name="MaxMase", type="Float", default=0.3),
)
VALUES: Final = {parameter.name: parameter.value for parameter in PARAMETERS}
JOB: Final = Job(image=VALUES["Image"], role=VALUES["Role"])
METRICS: Final = ("validation_rmse", "rounds")
"""In the last line that `train` logs."""
REPORT: Final = PropertyFile(name="GateReport", output="gate", path="gate.json")
PARTS: Final = ("train", "validation", "test", "scaler")


def place(*folders: str | Get) -> Join:
    """Return a place in the bucket."""
    return Join(("s3:/", VALUES["Bucket"], *folders), on="/")


def command(step: str) -> list[str]:
    """Return the command of a step's script."""
    return ["python3", "-m", f"examples.housing.{step.lower()}"]


def processing(
    name: str,
    inputs: dict[str, Get | Join],
    outputs: Sequence[str] = (),
    arguments: Sequence[Value] = (),
    *,
    program: str = "",
) -> JobStep:
    """Return a step that runs a program of the image, or without one the script that has the step's name."""
    call = JOB.processing(
        program,
        tuple(arguments),
        instances=Instances(type=VALUES["InstanceType"]),
        inputs=tuple(
            ProcessingInput(name=each, source=source, folder=f"input/{each}")
            for each, source in inputs.items()
        ),
        outputs=tuple(
            ProcessingOutput(name=each, folder=f"output/{each}", destination=place(NAME, EXECUTION_ID, each))
            for each in outputs
        ),
    )
    if not program:
        call["AppSpecification"]["ContainerEntrypoint"] = command(name)
    return JobStep(name=name, type="Processing", arguments=call)


def training(channels: dict[str, Get]) -> JobStep:
    """Return the training step; each host of its job gets all files of each channel."""
    sources = {
        name: {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        for name, uri in channels.items()
    }
    arguments = {
        "AlgorithmSpecification": JOB.algorithm({name: f"{name}=([0-9.]+);" for name in METRICS})
        | {"ContainerEntrypoint": command("Train")},
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": source}} for name, source in sources.items()
        ],
        "OutputDataConfig": {"S3OutputPath": place(NAME, "models")},
        "ResourceConfig": Instances(type=VALUES["InstanceType"], count=VALUES["InstanceCount"]).as_json(),
        "StoppingCondition": {"MaxRuntimeInSeconds": 3_600},
        "HyperParameters": {"trials": text_of(VALUES["Trials"])},
        "RoleArn": VALUES["Role"],
    }
    return JobStep(name="Train", type="Training", arguments=arguments)


def decision(model: Get, figures: Get, gate: Get) -> ConditionStep:
    """Return the step that registers the model where the gate is passed, and fails otherwise."""
    package = ModelPackage(
        group=NAME,
        image=VALUES["Image"],
        model_data=model,
        statistics=Join((figures, "evaluation.json"), on="/"),
        instance_types=("ml.m5.large",),
        content_types=("application/json",),
        approval="PendingManualApproval",
    )
    reason = Join((gate, "gate.json"), on="/")
    message = Join(("The gate was not passed; the reason is in", reason), on=" ")
    passed = JsonGet(step="Gate", property_file=REPORT.name, path="gate.passed.value")
    return ConditionStep(
        name="IsGoodEnough",
        conditions=(Condition(passed, "Equals", 1),),
        if_steps=(JobStep(name="Register", type="RegisterModel", arguments=package.as_json()),),
        else_steps=(FailStep(name="Fail", message=message),),
    )


def housing_pipeline() -> Pipeline:
    """Return the whole pipeline."""
    group = ("--feature-group", VALUES["FeatureGroup"])
    ingest = processing("Ingest", {"houses": place("houses")}, arguments=group)
    prepare = processing("Prepare", {"store": VALUES["OfflineStore"]}, PARTS)
    prepare = replace(prepare, depends_on=("Ingest",))
    train = training({part: prepare.output(part) for part in PARTS if part != "test"})
    model = train.property("ModelArtifacts.S3ModelArtifacts")
    scored = {"model": model, "test": prepare.output("test"), "train": prepare.output("train")}
    evaluate = processing("Evaluate", scored, ("evaluation",))
    figures = evaluate.output("evaluation")
    options = ["--exit-zero", *thresholds(text_of(VALUES["MaxMase"]))]
    gate = processing("Gate", {"evaluation": figures}, ("gate",), options, program="gate")
    gate = replace(gate, property_files=(REPORT,))
    steps = (ingest, prepare, train, evaluate, gate, decision(model, figures, gate.output("gate")))
    return Pipeline(name=NAME, parameters=PARAMETERS, steps=steps)


if __name__ == "__main__":
    print(json.dumps(housing_pipeline().as_json(), indent=1))
