"""The checker accepts right definitions and names each kind of fault, planted in one of them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.check import check
from pipeline.definition import FleetOptions, fleet_pipeline

Plant = Callable[[dict[str, Any]], object]
OPTIONS = [
    FleetOptions(),
    FleetOptions(bucket="bucket", tune=True, feature_group="g", cache_days=0),
    FleetOptions(image="i", role="arn:aws:iam::123456789012:role/r", cutoff="2026-01-01", instance_count=3),
]


def fleet(*, tune: bool = False) -> dict[str, Any]:
    return fleet_pipeline(FleetOptions(tune=tune)).as_json()


def step(definition: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in definition["Steps"] if each["Name"] == name)
    assert isinstance(found, dict)
    return found


def arguments(definition: dict[str, Any], name: str) -> dict[str, Any]:
    found = step(definition, name)["Arguments"]
    assert isinstance(found, dict)
    return found


def condition(definition: dict[str, Any]) -> dict[str, Any]:
    found = arguments(definition, "IsGoodEnough")["Conditions"][0]
    assert isinstance(found, dict)
    return found


def problems(plant: Plant, *, tune: bool = False) -> list[str]:
    definition = fleet(tune=tune)
    plant(definition)
    return [str(each) for each in check(definition)]


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "tune and ingest", "with defaults"])
def test_the_fleets_own_pipeline_has_no_problem(options: FleetOptions) -> None:
    assert check(fleet_pipeline(options).as_json()) == []


MUTATIONS: dict[str, tuple[Plant, str]] = {
    "an unknown argument": (
        lambda d: arguments(d, "Train").update(HyperParameter={}),
        "step Train: Arguments.HyperParameter: is not known to SageMaker; did you mean HyperParameters?",
    ),
    "a missing argument": (
        lambda d: arguments(d, "Train").pop("OutputDataConfig"),
        "step Train: Arguments: needs OutputDataConfig",
    ),
    "an argument of another type": (
        lambda d: arguments(d, "Train")["ResourceConfig"].update(InstanceCount="2"),
        'step Train: Arguments.ResourceConfig.InstanceCount: must be a whole number, not "2"',
    ),
    "a parameter of another type": (
        lambda d: arguments(d, "Train")["ResourceConfig"].update(
            InstanceCount={"Get": "Parameters.MaxRatioToNaive"}
        ),
        (
            "step Train: Arguments.ResourceConfig.InstanceCount: must be a whole number, and "
            '{"Get": "Parameters.MaxRatioToNaive"} is a number'
        ),
    ),
    "a number out of range": (
        lambda d: arguments(d, "Train")["ResourceConfig"].update(InstanceCount=-1),
        "step Train: Arguments.ResourceConfig.InstanceCount: must be at least 0, not -1",
    ),
    "a text that SageMaker does not list": (
        lambda d: arguments(d, "Train")["ResourceConfig"].update(InstanceType="ml.m5.xlarg"),
        'step Train: Arguments.ResourceConfig.InstanceType: is "ml.m5.xlarg"; did you mean ml.m5.xlarge?',
    ),
    "a text that does not match": (
        lambda d: arguments(d, "Train")["OutputDataConfig"].update(S3OutputPath="bucket/models"),
        'step Train: Arguments.OutputDataConfig.S3OutputPath: is "bucket/models"; it must match',
    ),
    "two steps of one name": (
        lambda d: step(d, "ProcessActuals").update(Name="Register"),
        "step Register: Name: 2 steps have this name; each name is for one step",
    ),
    "a name that SageMaker does not take": (
        lambda d: step(d, "Train").update(Name="Train it"),
        'step Train it: Name: is "Train it"; accepted: 1 to 64 letters, digits, _ and -',
    ),
    "an unknown kind of step": (
        lambda d: step(d, "Train").update(Type="Train"),
        'step Train: Type: is "Train"; did you mean Training?',
    ),
    "an unknown parameter": (
        lambda d: arguments(d, "Train").update(RoleArn={"Get": "Parameters.Rolle"}),
        "step Train: Arguments.RoleArn: there is no parameter Rolle; did you mean Role?",
    ),
    "an unknown step": (
        lambda d: arguments(d, "Train")["OutputDataConfig"].update(
            S3OutputPath={"Get": "Steps.Prepare.ProcessingJobName"}
        ),
        "step Train: Arguments.OutputDataConfig.S3OutputPath: there is no step Prepare; accepted: Process,",
    ),
    "an unknown property": (
        lambda d: arguments(d, "Evaluate")["ProcessingInputs"][0]["S3Input"].update(
            S3Uri={"Get": "Steps.Train.ModelArtifacts.S3ModelArtifact"}
        ),
        (
            "step Evaluate: Arguments.ProcessingInputs[0].S3Input.S3Uri: S3ModelArtifact is no member of "
            "Steps.Train.ModelArtifacts; accepted: S3ModelArtifacts; did you mean S3ModelArtifacts?"
        ),
    ),
    "a property that is no text": (
        lambda d: arguments(d, "Evaluate")["ProcessingInputs"][0]["S3Input"].update(
            S3Uri={"Get": "Steps.Train.ModelArtifacts"}
        ),
        (
            "step Evaluate: Arguments.ProcessingInputs[0].S3Input.S3Uri: must be a text, and "
            '{"Get": "Steps.Train.ModelArtifacts"} is an object'
        ),
    ),
    "an output that the step has not": (
        lambda d: arguments(d, "Evaluate")["ProcessingInputs"][1]["S3Input"].update(
            S3Uri={"Get": "Steps.Process.ProcessingOutputConfig.Outputs['customer'].S3Output.S3Uri"}
        ),
        (
            "step Evaluate: Arguments.ProcessingInputs[1].S3Input.S3Uri: "
            "Steps.Process.ProcessingOutputConfig.Outputs has no 'customer'; accepted: customers"
        ),
    ),
    "an unknown execution variable": (
        lambda d: d["PipelineExperimentConfig"].update(TrialName={"Get": "Execution.Id"}),
        "PipelineExperimentConfig.TrialName: Execution.Id is no execution variable; accepted: StartDateTime",
    ),
    "a path that is none": (
        lambda d: arguments(d, "Train").update(RoleArn={"Get": "Role"}),
        'step Train: Arguments.RoleArn: "Role" is no reference; accepted: Parameters.NAME, Execution.NAME',
    ),
    "a circle": (
        lambda d: step(d, "Process").update(DependsOn=["Evaluate"]),
        "waits for itself: ",
    ),
    "a dependency on no step": (
        lambda d: step(d, "Train").update(DependsOn=["Ingest"]),
        'step Train: DependsOn[0]: is "Ingest"; accepted: Process, ProcessActuals, Train',
    ),
    "a property file that the step has not": (
        lambda d: condition(d)["LeftValue"]["Std:JsonGet"].update(
            PropertyFile={"Get": "Steps.Gate.PropertyFiles.Report"}
        ),
        "LeftValue: the step Gate has no property file Report; accepted: GateReport; did you mean",
    ),
    "a path that is not in the file": (
        lambda d: condition(d)["LeftValue"]["Std:JsonGet"].update(Path="gate.pass.value"),
        (
            "LeftValue: Path gate.pass.value is not in gate.json; accepted: gate.passed.value, reason; "
            "did you mean gate.passed.value?"
        ),
    ),
    "a property file of no output": (
        lambda d: step(d, "Gate")["PropertyFiles"][0].update(OutputName="gates"),
        'step Gate: PropertyFiles[0].OutputName: is "gates"; accepted: gate; did you mean gate?',
    ),
    "an unknown condition": (
        lambda d: condition(d).update(Type="LessThen"),
        'step IsGoodEnough: Arguments.Conditions[0].Type: is "LessThen"; accepted: Equals',
    ),
    "an order of texts": (
        lambda d: condition(d).update(Type="LessThan", RightValue="1"),
        'Arguments.Conditions[0].RightValue: must be a number to be compared by LessThan, not "1"',
    ),
    "a comparison of different types": (
        lambda d: condition(d).update(LeftValue={"Get": "Parameters.Approval"}),
        "Arguments.Conditions[0]: compares a text with a number, which are never equal",
    ),
    "retries without an end": (
        lambda d: step(d, "Train")["RetryPolicies"][0].pop("MaxAttempts"),
        "step Train: RetryPolicies[0]: needs one of MaxAttempts and ExpireAfterMin",
    ),
    "too many retries": (
        lambda d: step(d, "Train")["RetryPolicies"][0].update(MaxAttempts=21),
        "step Train: RetryPolicies[0].MaxAttempts: is 21; accepted: a number, 1 to 20",
    ),
    "retries of an unknown fault": (
        lambda d: step(d, "Train")["RetryPolicies"][0].update(ExceptionType=["Step.THROTTLED"]),
        'step Train: RetryPolicies[0].ExceptionType[0]: is "Step.THROTTLED"; accepted: Step.SERVICE_FAULT',
    ),
    "a cache that never ends in a word": (
        lambda d: step(d, "Train")["CacheConfig"].update(ExpireAfter="30 days"),
        'step Train: CacheConfig.ExpireAfter: is "30 days"; accepted: a duration in ISO 8601, such as P30D',
    ),
    "a cached step that has none": (
        lambda d: step(d, "IsGoodEnough").update(CacheConfig={"Enabled": True}),
        "step IsGoodEnough: CacheConfig: a Condition step is not cached",
    ),
    "a default of another type": (
        lambda d: d["Parameters"][-1].update(Type="Integer", EnumValues=None, DefaultValue="1"),
        'Parameters.Approval.DefaultValue: must be a whole number, not "1"',
    ),
    "a default that is no choice": (
        lambda d: d["Parameters"][-1].update(DefaultValue="Rejected"),
        'Parameters.Approval.DefaultValue: is "Rejected"; accepted: PendingManualApproval, Approved',
    ),
    "an unknown type of a parameter": (
        lambda d: d["Parameters"][0].update(Type="Text"),
        'Parameters.Image.Type: is "Text"; accepted: String, Integer, Float, Boolean',
    ),
    "two parameters of one name": (
        lambda d: d["Parameters"][0].update(Name="Role"),
        "Parameters: 2 parameters have the name Role; each name is for one",
    ),
    "another version": (
        lambda d: d.update(Version="2020-12-02"),
        'Version: is "2020-12-02"; accepted: 2020-12-01',
    ),
    "an unknown field of the definition": (
        lambda d: d.update(Step=[]),
        "Step: is not known; accepted: Version, Metadata, Parameters, PipelineExperimentConfig, Steps",
    ),
    "an unknown field of a step": (
        lambda d: step(d, "Train").update(RetryPolicy=[]),
        "step Train: RetryPolicy: is not known in a Training step; accepted: Name, Type",
    ),
    "a message that is none": (
        lambda d: arguments(d, "IsGoodEnough")["ElseSteps"][0].update(Arguments={"Error": "x"}),
        "step Fail: Arguments: must have ErrorMessage, a text, and nothing else",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_fault_is_named_with_its_step_its_place_and_what_is_accepted(name: str) -> None:
    plant, expected = MUTATIONS[name]

    found = problems(plant)

    assert any(expected in each for each in found), found


def test_the_best_job_of_a_tuning_step_is_found_and_another_list_is_not() -> None:
    job = "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"

    def plant(definition: dict[str, Any]) -> None:
        place = arguments(definition, "Evaluate")["ProcessingInputs"][0]["S3Input"]["S3Uri"]["Std:Join"]
        assert {"Get": job} in place["Values"]
        place["Values"] = [{"Get": job.replace("Summaries", "Summary")}]

    assert check(fleet(tune=True)) == []
    (found,) = problems(plant, tune=True)
    assert "TrainingJobSummary is no property of the Tuning step Tune; did you mean TrainingJob" in found


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, {"Steps": [1]}, {"Steps": {"a": 1}}])
def test_what_is_no_definition_is_refused(value: Any) -> None:
    assert check(value)


def values(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values in a definition."""
    found = [place] if place else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        found += values(each, (*place, key))
    return found


@pytest.mark.parametrize("wrong", [None, 7, "x", [None], {"Get": 7}])
def test_no_value_anywhere_breaks_the_checker(wrong: Any) -> None:
    for place in values(fleet())[::3]:
        definition = fleet()
        inner: Any = definition
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = copy.deepcopy(wrong)

        check(definition)
