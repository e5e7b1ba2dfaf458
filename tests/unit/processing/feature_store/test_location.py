"""Finding an offline store by a feature group's name or ARN, and in S3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from container import Paths
from fleetcast.errors import InputError
from processing import Columns
from processing.feature_store import StoreInput, download, region_of
from processing.program import process
from testbed.feature_store import FeatureStore
from tests.aws import arguments, moto
from tests.unit.raw import written

ROLE = "arn:aws:iam::123456789012:role/feature-store"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with moto() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3", **arguments(environment)).create_bucket(Bucket="fleet")
        yield arguments(environment)


def create(aws: dict[str, Any], store: FeatureStore, **offline: Any) -> dict[str, Any]:
    sagemaker = boto3.client("sagemaker", **aws)
    sagemaker.create_feature_group(
        FeatureGroupName=store.group,
        RecordIdentifierFeatureName=store.identifier,
        EventTimeFeatureName=store.event_time,
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in store.types.items()],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://fleet/features"}, **offline},
        RoleArn=ROLE,
    )
    group: dict[str, Any] = sagemaker.describe_feature_group(FeatureGroupName=store.group)
    return group


def upload(aws: dict[str, Any], folder: Path, uri: str) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for path in folder.rglob("*.parquet"):
        key = f"{prefix}/{path.relative_to(folder)}"
        boto3.client("s3", **aws).upload_file(str(path), bucket, key)


@pytest.fixture
def store() -> FeatureStore:
    store = FeatureStore(
        identifier="meter",
        event_time="ds",
        types={"meter": "String", "ds": "String", "y": "Fractional"},
    )
    for hour in range(3):
        store.put({"meter": "7", "ds": f"2026-01-01T0{hour}:00:00.000Z", "y": str(hour)})
    return store


LINES = {"7": ["2026-01-01 00:00:00,0.0", "2026-01-01 01:00:00,1.0", "2026-01-01 02:00:00,2.0"]}


@pytest.mark.parametrize("by", ["name", "uri"])
def test_a_group_is_read_by_name_and_by_uri(
    tmp_path: Path, aws: dict[str, Any], store: FeatureStore, by: str
) -> None:
    group = create(aws, store)
    uri = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    upload(aws, store.write(tmp_path), uri)
    source = {"name": "readings", "uri": uri.removesuffix("/data")}[by]
    names = {"customer_id": "meter", "timestamp": "ds"} if by == "uri" else {}
    paths = Paths(tmp_path / "ml")

    assert process(paths, Columns(value="y", **names), store=StoreInput(source)) == 1
    assert written(paths) == LINES


def test_customer_and_time_are_the_groups_whatever_the_raw_columns_are_called(
    tmp_path: Path, aws: dict[str, Any], store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    group = create(aws, store)
    upload(aws, store.write(tmp_path), group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"])
    paths = Paths(tmp_path / "ml")

    process(paths, Columns(timestamp="t", value="y"), store=StoreInput("readings"), date_format="%d.%m.%Y")

    assert written(paths) == LINES
    assert "--timestamp is 't'; the feature group has 'ds', which is read" in caplog.text


def test_a_group_that_cannot_be_read_is_refused(
    tmp_path: Path, aws: dict[str, Any], store: FeatureStore
) -> None:
    create(aws, store, TableFormat="Iceberg")

    with pytest.raises(InputError, match="has the table format Iceberg"):
        process(Paths(tmp_path), Columns(), store=StoreInput("readings"))


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://fleet/empty", "has no .parquet file. Records that were put appear .* within 15 minutes"),
        ("s3://nowhere/x", "cannot be listed: AWS answered NoSuchBucket: .*check the name of the bucket"),
    ],
)
def test_a_prefix_without_files_is_refused(
    tmp_path: Path, aws: dict[str, Any], uri: str, reason: str
) -> None:
    assert aws

    with pytest.raises(InputError, match=reason):
        process(Paths(tmp_path), Columns(), store=StoreInput(uri))


def test_files_for_which_the_disk_has_no_room_are_not_downloaded(
    tmp_path: Path, aws: dict[str, Any], store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(aws, store.write(tmp_path), "s3://fleet/store")
    monkeypatch.setattr("processing.feature_store.s3_files.SPARE_BYTES", 2**60)

    with pytest.raises(InputError, match="set TMPDIR to a folder on a larger disk"):
        download("s3://fleet/store", tmp_path)


def test_a_key_with_dots_stays_below_the_folder(tmp_path: Path, aws: dict[str, Any]) -> None:
    boto3.client("s3", **aws).put_object(Bucket="fleet", Key="store/../../x/./a.parquet", Body=b"x")
    folder = tmp_path / "down"
    folder.mkdir()

    download("s3://fleet/store", folder)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [folder / "x" / "a.parquet"]


def test_an_arn_names_its_region() -> None:
    arn = "arn:aws-cn:sagemaker:cn-north-1:123456789012:feature-group/readings"

    assert region_of(arn) == "cn-north-1"
    assert not StoreInput(arn).is_place
    assert region_of("readings") is None
