import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleetcast.errors import SettingError
from pipeline.command_line import definition_of, fleet_options, parser
from pipeline.definition import FleetOptions, all_steps, fleet_pipeline
from processing.ingest import parser as ingest_parser
from processing.program import parse, store_of

FLEETCAST = str(Path(sys.executable).with_name("fleetcast"))


def definition(**options: Any) -> dict[str, Any]:
    return fleet_pipeline(FleetOptions(**options)).as_json()


def steps(**options: Any) -> dict[str, dict[str, Any]]:
    return {step["Name"]: step for step, _ in all_steps(definition(**options)["Steps"])}


def test_the_options_choose_the_steps() -> None:
    rest = ["Evaluate", "Gate", "IsGoodEnough", "Register", "Fail"]

    assert list(steps()) == ["Process", "ProcessActuals", "Train", *rest]
    assert list(steps(tune=True)) == ["Process", "ProcessActuals", "Tune", *rest]
    assert list(steps(feature_group="g")) == ["Ingest", "Process", "ProcessActuals", "Train", *rest]


def test_there_are_parameters_of_all_four_types_with_defaults_and_choices() -> None:
    declared = {each["Name"]: each for each in definition(cutoff="2026-01-01")["Parameters"]}

    assert {each["Type"] for each in declared.values()} == {"String", "Integer", "Float", "Boolean"}
    assert declared["InstanceCount"]["DefaultValue"] == 1
    assert declared["NetworkIsolation"]["DefaultValue"] is False
    assert declared["MaxRatioToNaive"]["DefaultValue"] == 1.0
    assert declared["Cutoff"]["DefaultValue"] == "2026-01-01"
    assert declared["Approval"]["EnumValues"] == ["PendingManualApproval", "Approved"]


def test_what_only_an_account_can_say_has_no_default_and_must_be_set_by_each_execution() -> None:
    declared = definition()["Parameters"]

    without = {each["Name"] for each in declared if "DefaultValue" not in each}
    assert without == {"Image", "Role", "Bucket", "Readings", "Cutoff"}


def test_process_divides_the_readings_at_the_cutoff() -> None:
    made = steps(process_options=("--value", "y"))
    cutoff = {"Get": "Parameters.Cutoff"}

    arguments = {
        name: made[name]["Arguments"]["AppSpecification"]["ContainerArguments"]
        for name in ("Process", "ProcessActuals")
    }
    assert arguments == {
        "Process": ["--value", "y", "--before", cutoff],
        "ProcessActuals": ["--value", "y", "--since", cutoff],
    }


def test_steps_that_read_from_a_feature_store_wait_for_ingest_and_are_not_cached() -> None:
    made = steps(feature_group="g")

    for name in ("Process", "ProcessActuals"):
        assert made[name]["DependsOn"] == ["Ingest"]
        assert "CacheConfig" not in made[name]
        assert "ProcessingInputs" not in made[name]["Arguments"]
    assert made["Train"]["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}
    assert "CacheConfig" not in steps(cache_days=0)["Train"]


def test_ingest_and_process_take_the_options_of_their_steps() -> None:
    made = steps(feature_group="g", process_options=("--value", "y", "--decimal", ","))

    def arguments(step: str) -> list[str]:
        given = made[step]["Arguments"]["AppSpecification"]["ContainerArguments"]
        known = {"Parameters.Cutoff": "2026-01-01", "Parameters.OfflineStoreMinutes": "15"}
        return [
            next((value for name, value in known.items() if name in json.dumps(each)), each) for each in given
        ]

    put, read = ingest_parser().parse_args(arguments("Ingest")), parse(arguments("Process"))
    assert (put.feature_group, put.value, put.wait_minutes) == ("g", "y", 15)
    assert (read.from_feature_store, read.value, read.before) == ("g", "y", "2026-01-01")
    store = store_of(read)
    assert store is not None
    assert store.source == "g"


def test_a_tuning_job_searches_what_no_hyperparameter_fixes() -> None:
    made = steps(tune=True, hyperparameters={"growth": "flat"})["Tune"]["Arguments"]

    assert made["TrainingJobDefinition"]["StaticHyperParameters"] == {"holdout": "7D", "growth": "flat"}
    with pytest.raises(SettingError, match="--hyperparameter n_changepoints cannot be set with --tune"):
        definition(tune=True, hyperparameters={"n_changepoints": "5"})


def test_thresholds_are_the_options_of_gate_and_none_takes_one_away() -> None:
    options = parser().parse_args(["--max-mase", "0.9", "--max-failed-fraction", "none"])
    made = definition_of(options)
    (gate,) = (step for step in made["Steps"] if step["Name"] == "Gate")

    arguments = gate["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments[:3] == [
        "--exit-zero",
        "--max-mase",
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.MaxMase"}]}},
    ]
    assert arguments[arguments.index("--max-failed-fraction") + 1] == "none"
    assert fleet_options(parser().parse_args([])).thresholds["--max-mase"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a--"}, "--name must have letters, digits and single hyphens"),
        ({"bucket": "s3://b"}, "--bucket must be the name of a bucket, without s3://"),
        ({"readings": "/data"}, "--readings must begin with s3://"),
        ({"instance_count": 0}, "--instance-count must be at least 1, not 0"),
        ({"cache_days": -1}, "--cache-days must be at least 0, not -1"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_an_option_that_is_not_accepted_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        FleetOptions(**options)


def test_the_program_prints_the_definition_and_checks_the_file() -> None:
    options = ["--bucket", "bucket", "--hyperparameter", "growth=flat"]

    printed = subprocess.run([FLEETCAST, "pipeline", *options], capture_output=True, text=True, check=True)

    made = json.loads(printed.stdout)
    assert made == definition(bucket="bucket", hyperparameters={"growth": "flat"})


def test_the_program_names_the_faults_of_a_file_and_fails(tmp_path: Path) -> None:
    made = definition()
    made["Steps"][0]["Arguments"]["RoleArm"] = made["Steps"][0]["Arguments"].pop("RoleArn")
    (tmp_path / "p.json").write_text(json.dumps(made))

    checked = subprocess.run(
        [FLEETCAST, "pipeline", "--check", str(tmp_path / "p.json")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 1
    assert "step Process: Arguments.RoleArm: is not known to SageMaker; accepted:" in checked.stderr
    assert "did you mean RoleArn?" in checked.stderr
    assert "step Process: Arguments: needs RoleArn" in checked.stderr
    assert checked.stdout == ""
