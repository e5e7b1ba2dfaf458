"""The way back: what the workflow made is said, and deleted with --yes only."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from pipeline.delete.program import main
from tests.aws import ACCOUNT

Client: TypeAlias = Callable[[str], Any]
Run: TypeAlias = Callable[..., tuple[int, str]]
SPECIFICATION = {
    "Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def create_feature_group(aws: Client, name: str, files: int) -> str:
    """Make a feature group with files in its offline store; return the key of the folder."""
    aws("s3").create_bucket(Bucket="store")
    features = [{"FeatureName": each, "FeatureType": "String"} for each in ("customer_id", "timestamp")]
    aws("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="timestamp",
        FeatureDefinitions=features,
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://store/features"}},
        RoleArn=ROLE,
    )
    described = aws("sagemaker").describe_feature_group(FeatureGroupName=name)
    uri = described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    prefix = str(uri).removeprefix("s3://store/")
    for number in range(files):
        aws("s3").put_object(Bucket="store", Key=f"{prefix}/year=2026/{number}.parquet", Body=b"")
    aws("s3").put_object(Bucket="store", Key=f"{prefix}-of-another/0.parquet", Body=b"")
    return prefix


def keys(aws: Client) -> list[str]:
    return [each["Key"] for each in aws("s3").list_objects_v2(Bucket="store").get("Contents", ())]


def test_nothing_is_deleted_without_yes(aws: Client, run: Run) -> None:
    sagemaker = aws("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="meters")
    for status in ("Approved", "PendingManualApproval"):
        sagemaker.create_model_package(
            ModelPackageGroupName="meters", ModelApprovalStatus=status, InferenceSpecification=SPECIFICATION
        )

    code, line = run(main, "model-package-group", "meters")

    assert code == 2
    assert line == (
        "this would delete the model package group meters with 2 versions, 1 of them approved; model data "
        "and images stay. Nothing is deleted without --yes"
    )
    left = sagemaker.list_model_packages(ModelPackageGroupName="meters")["ModelPackageSummaryList"]
    assert len(left) == 2


def test_a_group_of_several_pages_of_versions_is_deleted(aws: Client, run: Run) -> None:
    sagemaker = aws("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="meters")
    for _ in range(103):
        sagemaker.create_model_package(ModelPackageGroupName="meters", InferenceSpecification=SPECIFICATION)

    code, line = run(main, "model-package-group", "meters", "--yes")

    assert (code, line) == (0, "model-package-group meters is deleted")
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_pipeline_is_deleted(aws: Client, run: Run) -> None:
    sagemaker = aws("sagemaker")
    sagemaker.create_pipeline(PipelineName="meters", PipelineDefinition="{}", RoleArn=ROLE)

    code, line = run(main, "pipeline", "meters", "--yes")

    assert (code, line) == (0, "pipeline meters is deleted")
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []


@pytest.mark.parametrize("with_data", [False, True])
def test_a_feature_group_is_deleted_and_its_files_with_data_only(
    aws: Client, run: Run, *, with_data: bool
) -> None:
    prefix = create_feature_group(aws, "readings", files=3)

    code, line = run(main, "feature-group", "readings", "--yes", *["--with-data"] * with_data)

    assert (code, line) == (0, "feature-group readings is deleted")
    left = [key for key in keys(aws) if key.startswith(f"{prefix}/")]
    assert len(left) == (0 if with_data else 3)
    assert f"{prefix}-of-another/0.parquet" in keys(aws)
    assert (
        run(main, "feature-group", "readings")[1] == "there is no feature-group readings: nothing to delete"
    )


def test_many_files_are_deleted_page_by_page(aws: Client, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.delete.kinds.OBJECTS_PER_CALL", 2)
    prefix = create_feature_group(aws, "readings", files=5)

    code, _ = run(main, "feature-group", "readings", "--yes", "--with-data")

    assert (code, keys(aws)) == (0, [f"{prefix}-of-another/0.parquet"])


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", ["model-package-group", "pipeline", "feature-group"])
def test_what_is_not_there_counts_as_deleted(run: Run, kind: str) -> None:
    assert run(main, kind, "nothing", "--yes") == (0, f"there is no {kind} nothing: nothing to delete")


def test_data_belongs_to_a_feature_group(run: Run) -> None:
    code, line = run(main, "pipeline", "meters", "--with-data", "--yes")

    assert (code, line) == (2, "--with-data belongs to feature-group, not to pipeline")
