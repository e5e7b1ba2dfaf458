"""A version in a model registry: registered once, approved, deployed, compared with, deleted."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.responses import SageMakerResponse

from pipeline.aws import Aws
from pipeline.delete.program import main as delete
from pipeline.gate.program import main as gate
from pipeline.register import ACTIONS, APPROVE_ACTIONS
from pipeline.register import program as register_program
from pipeline.register.approve import main as approve
from pipeline.register.lineage import digest_of_folder
from pipeline.register.program import main as register
from tests.aws import ACCOUNT


class ThrottledError(SagemakerClientError):
    """What SageMaker answers where it gets too many calls."""

    code = "ThrottlingException"


Client: TypeAlias = Callable[[str], Any]
Run: TypeAlias = Callable[..., tuple[int, str]]
Evaluation: TypeAlias = Callable[[float], Path]

IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/fleetcast:1"
DIGEST = "sha256:" + "ab" * 32
URI = "s3://bucket/evaluation/evaluation.json"
FULL = (
    *("--model-package-group", "meters", "--image", IMAGE),
    *("--model-data", "s3://bucket/fleet/model.tar.gz", "--evaluation-uri", URI),
)
ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/meters"


def versions(aws: Client) -> list[int]:
    found = aws("sagemaker").list_model_packages(ModelPackageGroupName="meters")["ModelPackageSummaryList"]
    return sorted(each["ModelPackageVersion"] for each in found)


def put(aws: Client, path: Path) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="evaluation/evaluation.json", Body=path.read_bytes())


def test_registered_approved_deployed_and_all_deleted(aws: Client, run: Run, evaluation: Evaluation) -> None:
    evaluation(0.8)

    assert run(register, *FULL) == (0, f"{ARN}/1 is registered: PendingManualApproval")
    assert run(approve, "meters/1", "--comment", "looked at") == (0, f"{ARN}/1 is Approved")
    package = aws("sagemaker").describe_model_package(ModelPackageName=f"{ARN}/1")
    model = aws("sagemaker").create_model(
        ModelName="meters",
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        PrimaryContainer={"ModelPackageName": f"{ARN}/1"},
    )
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "looked at")
    assert package["InferenceSpecification"]["Containers"] == [
        {"Image": IMAGE, "ModelDataUrl": "s3://bucket/fleet/model.tar.gz"}
    ]
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"] == {
        "ContentType": "application/json",
        "S3Uri": URI,
    }
    assert model["ModelArn"].endswith(":model/meters")
    assert run(delete, "model-package-group", "meters", "--yes") == (
        0,
        "model-package-group meters is deleted",
    )
    assert versions(aws) == []
    assert aws("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_the_same_content_is_registered_once_and_another_is_a_new_version(
    aws: Client, run: Run, evaluation: Evaluation
) -> None:
    evaluation(0.8)
    run(register, *FULL)

    again = run(register, *FULL, "--approval-status", "Approved", "--pipeline-execution", "arn:of:another")
    evaluation(0.7)
    other = run(register, *FULL)

    assert again == (0, f"{ARN}/1 is registered already")
    assert other == (0, f"{ARN}/2 is registered: PendingManualApproval")
    assert versions(aws) == [1, 2]


@pytest.mark.parametrize("changed", ["actuals", "image"])
def test_other_inputs_and_another_image_make_another_version(
    aws: Client, run: Run, evaluation: Evaluation, changed: str
) -> None:
    folder = evaluation(0.8).parents[1] / "actuals" / "7"
    folder.mkdir(parents=True)
    (folder / "data.csv").write_text("timestamp,consumption\n2026-01-01,1\n")
    run(register, *FULL)
    options = FULL
    if changed == "image":
        options = tuple(f"{each}@{DIGEST}" if each == IMAGE else each for each in FULL)
    else:
        (folder / "data.csv").write_text("timestamp,consumption\n2026-01-01,2\n")

    run(register, *options)

    assert versions(aws) == [1, 2]


@pytest.mark.usefixtures("aws")
def test_lineage_names_what_the_version_is_made_of(run: Run, evaluation: Evaluation, tmp_path: Path) -> None:
    path = evaluation(0.8)
    model = path.parents[1] / "model"
    model.mkdir()
    (model / "7.tar.gz").write_bytes(b"archive")

    run(register, *FULL[:2], "--image", f"{IMAGE}@{DIGEST}", *FULL[4:], "--pipeline-execution", "arn:of:it")

    lineage = json.loads((tmp_path / "processing" / "output" / "lineage" / "lineage.json").read_text())
    archive = hashlib.sha256(b"archive").hexdigest()
    assert lineage["model_package"] == f"{ARN}/1"
    assert lineage["image_digest"] == DIGEST
    assert lineage["evaluation"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert lineage["inputs"]["model"] == {
        "files": 1,
        "bytes": 7,
        "sha256": hashlib.sha256(f"{archive}  ./7.tar.gz\n".encode()).hexdigest(),
    }
    assert lineage["pipeline_execution"] == "arn:of:it"
    assert lineage["versions"].keys() == {"fleetcast", "numpy"}


def test_the_hash_of_a_folder_is_what_sha256sum_makes_of_it(tmp_path: Path) -> None:
    for name in ("b/data.csv", "a.csv", "c d/e.csv", "B/data.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    command = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"

    printed = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    assert digest_of_folder(tmp_path).sha256 == printed.split()[0]


def test_a_training_job_gives_image_model_data_and_hyperparameters(
    aws: Client, run: Run, evaluation: Evaluation, tmp_path: Path
) -> None:
    evaluation(0.8)
    aws("sagemaker").create_training_job(
        TrainingJobName="fleet-1",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        HyperParameters={"models": "auto"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train/"},
                },
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://bucket/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )

    code, _ = run(register, "--model-package-group", "meters", "--training-job", "fleet-1")

    package = aws("sagemaker").describe_model_package(ModelPackageName=f"{ARN}/1")
    lineage = json.loads((tmp_path / "processing" / "output" / "lineage" / "lineage.json").read_text())
    (container,) = package["InferenceSpecification"]["Containers"]
    assert code == 0
    assert container["Image"] == IMAGE
    assert container["ModelDataUrl"].startswith("s3://bucket/out")
    assert lineage["training"] == {
        "hyperparameters": {"models": "auto"},
        "channels": {"train": "s3://bucket/train/"},
    }
    assert package["MetadataProperties"]["GeneratedBy"].endswith(":training-job/fleet-1")


def test_a_prefix_is_model_data_of_many_objects(aws: Client, run: Run, evaluation: Evaluation) -> None:
    evaluation(0.8)

    run(register, *FULL[:4], "--model-data", "s3://bucket/archives")

    package = aws("sagemaker").describe_model_package(ModelPackageName=f"{ARN}/1")
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataSource"]["S3DataSource"] == {
        "S3Uri": "s3://bucket/archives/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }


def test_in_a_processing_job_the_places_in_s3_are_known(
    aws: Client, run: Run, evaluation: Evaluation, tmp_path: Path
) -> None:
    evaluation(0.8)
    (tmp_path / "config").mkdir()
    config = {
        "ProcessingInputs": [
            {
                "InputName": "evaluation",
                "S3Input": {
                    "LocalPath": str(tmp_path / "processing" / "input" / "evaluation"),
                    "S3Uri": "s3://bucket/evaluation/",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "lineage",
                    "S3Output": {
                        "LocalPath": str(tmp_path / "processing" / "output" / "lineage"),
                        "S3Uri": "s3://bucket/lineage",
                    },
                }
            ]
        },
    }
    (tmp_path / "config" / "processingjobconfig.json").write_text(json.dumps(config))

    run(register, *FULL[:6], "--property", "team=energy")

    package = aws("sagemaker").describe_model_package(ModelPackageName=f"{ARN}/1")
    properties = package["CustomerMetadataProperties"]
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == URI
    assert properties["lineage_uri"] == "s3://bucket/lineage/lineage.json"
    assert properties["team"] == "energy"


def test_figures_go_to_the_run_of_an_experiment(aws: Client, run: Run, evaluation: Evaluation) -> None:
    evaluation(0.8)
    aws("sagemaker").create_trial_component(TrialComponentName="run-1")

    code, _ = run(register, *FULL, "--experiment-run", "run-1")

    metrics = aws("sagemaker").describe_trial_component(TrialComponentName="run-1")["Metrics"]
    assert code == 0
    assert {each["MetricName"]: each["Last"] for each in metrics} == {
        "evaluation_mase": 0.8,
        "naive_mase": 1.0,
        "mase_ratio_to_naive": 0.8,
        "failed_fraction": 0.0,
        "evaluated_fraction": 1.0,
    }


@pytest.mark.usefixtures("aws")
def test_a_run_that_does_not_exist_is_named(run: Run, evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation(0.8)

    code, line = run(register, *FULL, "--experiment-run", "nowhere")

    assert (code, "refused metrics of the run nowhere" in line) == (1, True), line
    assert (tmp_path / "processing" / "output" / "lineage" / "lineage.json").is_file()


@pytest.mark.usefixtures("aws")
def test_a_throttled_call_is_made_again(
    run: Run, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, refused = SageMakerResponse.create_model_package, []

    def create_or_refuse(response: Any) -> Any:
        if len(refused) < 2:
            refused.append(1)
            raise ThrottledError("Rate exceeded")
        return create(response)

    monkeypatch.setattr(SageMakerResponse, "create_model_package", create_or_refuse)
    evaluation(0.8)

    assert run(register, *FULL) == (0, f"{ARN}/1 is registered: PendingManualApproval")
    assert len(refused) == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (FULL[:2], "set --image, or --training-job"),
        (FULL[:4], "set --model-data, or --training-job"),
        ((*FULL[:4], "--model-data", "model.tar.gz"), "--model-data must look like s3://"),
        ((*FULL, "--property", "team"), "--property must look like team=energy, not 'team'"),
    ],
)
def test_what_is_missing_is_named(
    run: Run, evaluation: Evaluation, options: tuple[str, ...], reason: str
) -> None:
    evaluation(0.8)

    code, line = run(register, *options)

    assert (code, line.startswith(reason)) == (1, True), line


def test_a_dry_run_prints_calls_that_botocore_takes_and_connects_to_nobody(
    run: Run, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(0.8)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    for main, options in (
        (register, FULL),
        (approve, ("--latest-of", "meters")),
        (approve, ("meters/3", "--reject")),
        (delete, ("model-package-group", "meters")),
        (delete, ("pipeline", "meters")),
        (delete, ("feature-group", "meters", "--with-data")),
    ):
        assert run(main, *options, "--dry-run")[0] == 0

    printed = capsys.readouterr().out
    for operation in (
        *("CreateModelPackageGroup", "CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage"),
        *("DeleteModelPackageGroup", "DeletePipeline", "DeleteObjects", "DeleteFeatureGroup"),
    ):
        assert f'"operation": "{operation}"' in printed


def test_a_dry_run_finds_parameters_that_aws_would_not_take(run: Run, evaluation: Evaluation) -> None:
    evaluation(0.8)

    code, line = run(register, *FULL, "--dry-run", "--model-package-group", "")

    assert (code, "Invalid length for parameter ModelPackageGroupName" in line) == (1, True), line


def test_the_latest_version_is_approved_or_rejected(aws: Client, run: Run, evaluation: Evaluation) -> None:
    for mase in (0.8, 0.7):
        evaluation(mase)
        run(register, *FULL)

    assert run(approve, "--latest-of", "meters", "--reject") == (0, f"{ARN}/2 is Rejected")
    assert run(approve, f"{ARN}/2") == (0, f"{ARN}/2 is Approved")
    assert run(approve, f"{ARN}/2") == (0, f"{ARN}/2 is Approved already")
    assert run(approve, "meters/7") == (1, "the model package group meters has no version 7")
    assert run(approve, "meters") == (1, "a version must be an ARN or look like meters/3, not 'meters'")
    first = aws("sagemaker").describe_model_package(ModelPackageName=f"{ARN}/1")
    assert first["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize(
    ("mase", "share", "code", "reason"),
    [
        (0.81, "0.02", 0, "passed: "),
        (0.82, "0.02", 3, "mase 0.82 is more than 2 % above 0.8 of version 1 of meters, which is approved"),
        (0.82, "0.03", 0, "passed: "),
    ],
)
def test_the_gate_compares_with_the_latest_approved_version(  # noqa: PLR0913, PLR0917 - a case
    aws: Client, run: Run, evaluation: Evaluation, mase: float, share: str, code: int, reason: str
) -> None:
    put(aws, evaluation(0.8))
    run(register, *FULL, "--approval-status", "Approved")
    evaluation(0.1)
    run(register, *FULL)  # the latest, which is not approved
    evaluation(mase)

    against = ("--model-package-group", "meters", "--max-worse-than-registered", share)
    ended, line = run(gate, *against)

    assert (ended, line.removeprefix("not passed: ").startswith(reason)) == (code, True), line


@pytest.mark.usefixtures("aws")
def test_a_group_without_an_approved_version_has_nothing_to_compare_with(
    run: Run, evaluation: Evaluation
) -> None:
    evaluation(0.8)
    assert run(gate, "--model-package-group", "meters")[0] == 0
    run(register, *FULL)

    assert run(gate, "--model-package-group", "meters")[0] == 0


@pytest.mark.usefixtures("aws")
def test_an_approved_version_whose_metrics_cannot_be_read_does_not_pass(
    run: Run, evaluation: Evaluation
) -> None:
    evaluation(0.8)
    run(register, *FULL, "--approval-status", "Approved")

    code, line = run(gate, "--model-package-group", "meters")

    assert (code, "the metrics of version 1 of meters, which is approved, cannot be read" in line) == (
        3,
        True,
    )


def test_a_registry_that_does_not_answer_is_no_decision(
    run: Run, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation(0.8)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    code, line = run(gate, "--model-package-group", "meters")

    assert (code, "sagemaker could not be asked for ListModelPackages" in line) == (1, True), line


@pytest.mark.usefixtures("aws")
def test_the_region_is_that_of_the_job(
    run: Run, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation(0.8)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    code, line = run(register, *FULL)

    assert (code, "arn:aws:sagemaker:eu-west-1:" in line) == (0, True), line


@pytest.mark.usefixtures("aws")
def test_the_documented_actions_are_those_of_the_calls(run: Run, evaluation: Evaluation) -> None:
    made: list[Aws] = []

    class Recorded(Aws):
        def __init__(self, *, dry_run: bool = False) -> None:
            super().__init__(dry_run)
            made.append(self)

    evaluation(0.8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(register_program, "Aws", Recorded)
        patch.setattr("pipeline.register.approve.Aws", Recorded)
        run(register, *FULL, "--experiment-run", "nowhere")
        run(register, *FULL)
        run(register, *FULL[:2], "--training-job", "nowhere")
        of_register = set().union(*(each.actions for each in made))
        made.clear()
        run(approve, "meters/1")

    assert of_register == set(ACTIONS)
    assert made[0].actions == set(APPROVE_ACTIONS)
