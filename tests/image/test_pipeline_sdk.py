"""The fleet's pipeline beside what the SageMaker SDK v2 makes of the same one; needs no Docker."""

import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from pipeline.check import check
from pipeline.definition import METRICS, FleetOptions, fleet_pipeline
from tests.aws import moto
from tests.image.sdk_environment import environment
from tests.rehearsal import ROOT

PLACES = {
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fleetcast:1",
    "role": "arn:aws:iam::123456789012:role/fleetcast",
    "bucket": "bucket",
}
OURS: dict[str, FleetOptions] = {
    "train": FleetOptions(**PLACES, hyperparameters={"seasonality_mode": "additive"}),
    "tune": FleetOptions(**PLACES, tune=True, feature_group="group"),
}
REGISTER = "Steps[IsGoodEnough].Arguments.IfSteps[Register].Arguments"
ONLY_OF_THE_SDK: dict[str, Any] = {
    "Steps[Train].Arguments.ProfilerConfig": {"DisableProfiler": True},
    f"{REGISTER}.InferenceSpecification.Containers[0].Environment": {},
    f"{REGISTER}.ModelMetrics.Bias": {},
    f"{REGISTER}.ModelMetrics.Explainability": {},
    f"{REGISTER}.SkipModelValidation": "None",
}
"""What the SDK writes beside ours: empty objects and SageMaker's own defaults."""
NAME_OF_THE_SDK = "Register-RegisterModel"
"""The SDK appends the kind to the name of a step that registers a model."""


@cache
def of_the_sdk(kind: str) -> Any:
    """Return the definition that the SDK makes."""
    with moto("eu-west-1") as stand_in:
        printed = subprocess.run(
            [
                *(environment(2), "-W", "ignore", "tests/image/pipeline_with_sdk_v2.py", kind),
                json.dumps(METRICS),
            ],
            env=os.environ | stand_in | {"SAGEMAKER_TELEMETRY_OPT_OUT": "true"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout.splitlines()[-1])


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """Return what a definition holds by its place; named items of lists are at their names."""
    if isinstance(value, dict) and value:
        return {
            inner: each
            for name, item in value.items()
            for inner, each in flat(item, f"{place}.{name}" if place else name).items()
        }
    if isinstance(value, list) and value:
        return {
            inner: each
            for index, item in enumerate(value)
            for inner, each in flat(item, f"{place}[{_key(item, index)}]").items()
        }
    return {place: value}


def _key(item: Any, index: int) -> str:
    name = item.get("Name") if isinstance(item, dict) else None
    return name.replace(NAME_OF_THE_SDK, "Register") if isinstance(name, str) else str(index)


@pytest.mark.parametrize("kind", OURS)
def test_the_definition_is_what_the_sdk_makes_of_the_same_pipeline(kind: str) -> None:
    ours, theirs = flat(fleet_pipeline(OURS[kind]).as_json()), flat(of_the_sdk(kind))
    name = "Steps[IsGoodEnough].Arguments.IfSteps[Register].Name"
    assert theirs.pop(name) == NAME_OF_THE_SDK
    assert ours.pop(name) == "Register"
    allowed = flat({})
    for place, value in ONLY_OF_THE_SDK.items():
        allowed |= flat(value, place)

    more = {place: value for place, value in theirs.items() if place not in ours}

    assert ours == {place: value for place, value in theirs.items() if place not in more}
    assert more == {place: value for place, value in allowed.items() if place in more}
    assert len(ours) > 200


@pytest.mark.parametrize("kind", ["train", "tune", "other"])
def test_the_checker_accepts_what_the_sdk_writes(kind: str) -> None:
    definition = of_the_sdk(kind)

    assert [str(each) for each in check(definition)] == []


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a model's name": (
        lambda steps: steps["Transform"]["Arguments"].update(ModelName={"Get": "Steps.Old.Name"}),
        "step Transform: Arguments.ModelName: Name is no property of the Model step Old",
    ),
    "an output parameter": (
        lambda steps: steps["Wait"]["Arguments"].update(code={"Get": "Steps.Call.OutputParameters['kode']"}),
        "step Wait: Arguments.code: the step Call has no output parameter kode; accepted: code",
    ),
    "a property of a search": (
        lambda steps: steps["Best-CreateModel"]["Arguments"]["PrimaryContainer"].update(
            Image={"Get": "Steps.Auto.BestCandidate.Containers[0].Image"}
        ),
        (
            "step Best-CreateModel: Arguments.PrimaryContainer.Image: Containers is no member of "
            "Steps.Auto.BestCandidate"
        ),
    ),
    "a transform job": (
        lambda steps: steps["Transform"]["Arguments"].pop("TransformResources"),
        "step Transform: Arguments: needs TransformResources",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_checker_finds_faults_in_other_kinds_of_steps(mistake: str) -> None:
    plant, expected = MISTAKES[mistake]
    definition = json.loads(json.dumps(of_the_sdk("other")))
    plant({step["Name"]: step for step in definition["Steps"]})

    found = [str(each) for each in check(definition)]

    assert any(expected in each for each in found), found
