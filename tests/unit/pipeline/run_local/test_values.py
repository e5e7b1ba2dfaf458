import json
from pathlib import Path
from typing import Any

import pytest

from container import StopRequest
from fleetcast.errors import InputError, SettingError
from pipeline.definition import FleetOptions, fleet_pipeline
from pipeline.run_local.command import Runner
from pipeline.run_local.conditions import holds, in_words
from pipeline.run_local.jobs import Jobs
from pipeline.run_local.tuning import best, draws
from pipeline.run_local.values import Values, parameter_values
from pipeline.run_local.workspace import Workspace

DEFINITION = fleet_pipeline(FleetOptions(bucket="bucket", cutoff="2026-01-01")).as_json()


def workspace(tmp_path: Path, **given: Path) -> Workspace:
    return Workspace.open(
        tmp_path / "run", {f"s3://{name}/x": place for name, place in given.items()}, pipeline="p"
    )


def values(tmp_path: Path, **properties: dict[str, Any]) -> Values:
    return Values(workspace(tmp_path), DEFINITION, "p", {"Count": 2, "On": True}, properties)


def test_an_address_in_s3_is_a_folder_of_the_run_or_one_that_was_given(tmp_path: Path) -> None:
    place = workspace(tmp_path, raw=tmp_path)

    assert place.local("s3://bucket/a/b/") == tmp_path / "run" / "s3" / "bucket" / "a" / "b"
    assert place.local("s3://raw/x/day.csv") == tmp_path / "day.csv"
    assert place.local("s3://raw/xyz") == tmp_path / "run" / "s3" / "raw" / "xyz"
    for wrong in ("s3://bucket/../../etc", "/etc", "s3://", "http://bucket/a"):
        with pytest.raises(InputError, match="must be an address in S3"):
            place.local(wrong)


def test_a_folder_keeps_its_execution_and_takes_no_other_pipelines(tmp_path: Path) -> None:
    first = workspace(tmp_path)

    assert workspace(tmp_path).execution_id == first.execution_id
    with pytest.raises(InputError, match="holds an execution of the pipeline 'p': take another folder"):
        Workspace.open(tmp_path / "run", {}, pipeline="q")


def test_one_run_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    place = workspace(tmp_path)

    with (
        place.alone(),
        pytest.raises(InputError, match=r"process \d+ works in '.*': wait for it, or end it"),
        place.alone(),
    ):
        pass


def test_references_become_values(tmp_path: Path) -> None:
    outputs = [{"OutputName": "a", "S3Output": {"S3Uri": "s3://b/a"}}]
    known = values(
        tmp_path, Process={"ProcessingOutputConfig": {"Outputs": outputs}, "Jobs": [{"N": 1}, {"N": 2}]}
    )
    join = {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Count"}, {"Get": "Parameters.On"}, "a"]}

    resolved = known.resolve(
        {
            "join": {"Std:Join": join},
            "output": [{"Get": "Steps.Process.ProcessingOutputConfig.Outputs['a'].S3Output.S3Uri"}],
            "place": {"Get": "Steps.Process.Jobs[1].N"},
            "id": {"Get": "Execution.PipelineName"},
            "rest": 1.5,
        }
    )

    assert resolved == {
        "join": "s3://2/true/a",
        "output": ["s3://b/a"],
        "place": 2,
        "id": "p",
        "rest": 1.5,
    }


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("Steps.Train.TrainingJobName", "the step Train has not run"),
        ("Steps.Process.Jobs[7].N", "a local run does not have this property"),
        ("Steps.Process.ExitMessage", "a local run does not have this property"),
        ("Execution.TrainingJobName", "is not known in a local run"),
    ],
)
def test_what_is_not_known_is_named(tmp_path: Path, reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        values(tmp_path, Process={"Jobs": []}).resolve({"Get": reference})


def test_a_condition_reads_what_the_step_wrote(tmp_path: Path) -> None:
    outputs = [{"OutputName": "gate", "S3Output": {"S3Uri": "s3://b/gate"}}]
    known = values(tmp_path, Gate={"ProcessingOutputConfig": {"Outputs": outputs}})
    reference = DEFINITION["Steps"][-1]["Arguments"]["Conditions"][0]["LeftValue"]
    with pytest.raises(InputError, match=r"from which a condition reads gate\.passed\.value"):
        known.resolve(reference)
    folder = known.workspace.local("s3://b/gate")
    folder.mkdir(parents=True)
    for content, expected in (({"gate": {"passed": {"value": 0}}}, 0), ({"gate": {}}, None)):
        (folder / "gate.json").write_text(json.dumps(content))

        if expected is None:
            with pytest.raises(InputError, match=r"has no gate\.passed\.value"):
                known.resolve(reference)
        else:
            assert known.resolve(reference) == expected


def test_a_condition_may_read_a_file_by_its_address(tmp_path: Path) -> None:
    known = values(tmp_path)
    file = known.workspace.local("s3://b/c/d.json")
    file.parent.mkdir(parents=True)
    file.write_text('{"a": [1, {"b": 2}]}')
    address = {"Std:Join": {"On": "/", "Values": ["s3://b", "c", "d.json"]}}

    assert known.resolve({"Std:JsonGet": {"S3Uri": address, "Path": "a[1].b"}}) == 2


WITHOUT = [
    ("Process", {"AppSpecification": {"ImageUri": "i"}}, "needs ContainerEntrypoint to run here"),
    (
        "Process",
        {
            "AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["x"]},
            "ProcessingInputs": [{"InputName": "data", "DatasetDefinition": {}}],
        },
        r"data is not in S3 \(S3Input\)",
    ),
    (
        "Train",
        {
            "AlgorithmSpecification": {},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"FileSystemDataSource": {}}}],
        },
        r"train is not in S3 \(S3DataSource\)",
    ),
]


@pytest.mark.parametrize(("step", "arguments", "message"), WITHOUT)
def test_a_job_that_cannot_run_here_is_named(
    tmp_path: Path, step: str, arguments: dict[str, Any], message: str
) -> None:
    jobs = Jobs(workspace(tmp_path), Runner({}, 0, StopRequest()), docker=False)

    with pytest.raises(InputError, match=message):
        jobs.training(arguments, "job") if step == "Train" else jobs.processing(arguments)


def test_parameters_have_their_types_and_what_is_missing_is_named() -> None:
    given = {"Readings": "s3://r/x", "InstanceCount": "3", "NetworkIsolation": "true", "MaxRatioToNaive": "2"}

    chosen = parameter_values(DEFINITION, given)

    assert chosen["InstanceCount"] == 3
    assert chosen["NetworkIsolation"] is True
    assert chosen["MaxRatioToNaive"] == 2.0
    assert chosen["Cutoff"] == "2026-01-01"
    assert chosen["Bucket"] == "bucket"
    assert chosen["Approval"] == "PendingManualApproval"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"InstanceCount": "two"}, "--parameter InstanceCount must be a whole number, not 'two'"),
        ({"NetworkIsolation": "yes"}, "--parameter NetworkIsolation must be true or false, not 'yes'"),
        ({"Approval": "Rejected"}, "must be one of PendingManualApproval, Approved, not 'Rejected'"),
        ({"Cut": "x"}, "there is no parameter Cut; accepted: Image, Role,"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_parameter_that_is_not_accepted_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        parameter_values(DEFINITION, given)


def test_a_parameter_without_a_default_must_be_set() -> None:
    with pytest.raises(SettingError, match="set --parameter Readings=… and --parameter Cutoff=…"):
        parameter_values(fleet_pipeline(FleetOptions()).as_json(), {})


def compared(kind: str, left: Any, right: Any) -> bool:
    return holds({"Type": kind, "LeftValue": left, "RightValue": right})


def test_conditions_compare_combine_and_negate() -> None:
    assert compared("LessThanOrEqualTo", 1, 1.0)
    assert not compared("LessThan", 1, 1.0)
    assert compared("GreaterThan", 2, 1)
    assert not compared("GreaterThanOrEqualTo", 0.5, 1)
    inside = {"Type": "In", "QueryValue": "a", "Values": ["a", "b"]}
    never = {"Type": "Equals", "LeftValue": "a", "RightValue": "b"}
    assert holds({"Type": "Or", "Conditions": [never, inside]})
    assert not holds({"Type": "Not", "Condition": inside})
    with pytest.raises(InputError, match="a LessThan 1 compares what has no order"):
        compared("LessThan", "a", 1)


def test_a_condition_in_words_has_the_names_of_its_values() -> None:
    below = {"Type": "LessThan", "LeftValue": {"Get": "Parameters.A"}, "RightValue": 2}
    declared = {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": below}, below]}
    known = {"Type": "LessThan", "LeftValue": 1, "RightValue": 2}
    resolved = {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": known}, known]}

    words = in_words(resolved, declared)

    assert words == "not (Parameters.A (1) LessThan 2) or Parameters.A (1) LessThan 2"


def test_a_search_draws_the_same_from_the_same_seed_and_within_its_ranges() -> None:
    tune = fleet_pipeline(FleetOptions(tune=True)).as_json()["Steps"][2]["Arguments"]
    config = tune["HyperParameterTuningJobConfig"]
    config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 50

    drawn = draws(config, seed="a")

    assert drawn == draws(config, seed="a")
    assert drawn != draws(config, seed="b")
    assert len({json.dumps(each) for each in drawn}) == 50
    assert all(0.001 <= float(each["changepoint_prior_scale"]) <= 0.5 for each in drawn)
    assert sum(float(each["changepoint_prior_scale"]) < 0.0224 for each in drawn) > 15  # the scale's middle
    assert {int(each["n_changepoints"]) for each in drawn} <= set(range(5, 51))
    assert {each["seasonality_mode"] for each in drawn} == {"additive", "multiplicative"}


def test_the_best_job_is_the_one_with_the_least_error() -> None:
    tune = fleet_pipeline(FleetOptions(tune=True)).as_json()["Steps"][2]["Arguments"]

    assert best(tune, {"a": 0.5, "b": 0.25, "c": None}) == "b"
    with pytest.raises(InputError, match="no training job has the metric mean_mase in its log"):
        best(tune, {"a": None})
