"""The pipeline with a feature store, against stand-ins for AWS: from readings to a registered version."""

import os
import subprocess
from pathlib import Path

import boto3
import numpy as np

from testbed.feature_store import FeatureStore, feature_store
from testbed.server import installed
from tests.aws import arguments, moto

CUSTOMERS = ("7", "8", "9")
HOURS = 240


def readings() -> str:
    """Return ten days of hours with a daily season and noise."""
    generator = np.random.default_rng(0)
    lines = ["customer_id,timestamp,consumption"]
    for customer in CUSTOMERS:
        for hour in range(HOURS):
            value = 100 + 20 * np.sin(2 * np.pi * hour / 24) + generator.normal()
            lines.append(f"{customer},2026-01-{hour // 24 + 1:02}T{hour % 24:02}:00,{value:.3f}")
    return "\n".join(lines) + "\n"


def create_group(environment: dict[str, str], store: FeatureStore) -> str:
    """Create the feature group and its bucket; return where its offline store is."""
    boto3.client("s3", **arguments(environment)).create_bucket(Bucket="fleet")
    sagemaker = boto3.client("sagemaker", **arguments(environment))
    sagemaker.create_feature_group(
        FeatureGroupName=store.group,
        RecordIdentifierFeatureName=store.identifier,
        EventTimeFeatureName=store.event_time,
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in store.types.items()],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://fleet/features"}},
        RoleArn="arn:aws:iam::123456789012:role/feature-store",
    )
    group = sagemaker.describe_feature_group(FeatureGroupName=store.group)
    return str(group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"])


def upload(environment: dict[str, str], folder: Path, uri: str) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3", **arguments(environment))
    for path in folder.rglob("*.parquet"):
        s3.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder)}")


def run(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    places = ("--map", f"s3://raw/readings={folder / 'readings'}", "--readings", "s3://raw/readings")
    options = ("--feature-group", "readings", "--cutoff", "2026-01-09", *places)
    return subprocess.run(
        [
            *(*installed("pipeline"), "--run-local", str(folder / "run"), *options),
            *("--parameter", "OfflineStoreMinutes=0"),
        ],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_readings_go_through_the_feature_store_into_the_registry(tmp_path: Path) -> None:
    (tmp_path / "readings").mkdir()
    (tmp_path / "readings" / "readings.csv").write_text(readings())
    with moto() as aws, feature_store() as store:
        environment = aws | store.environment
        uri = create_group(environment, store)

        early = run(tmp_path, environment)
        put = len(store.stored)
        upload(environment, store.write(tmp_path / "store"), uri)
        late = run(tmp_path, environment)

        assert len(store.stored) == put == len(CUSTOMERS) * HOURS
        listed = boto3.client("sagemaker", **arguments(environment)).list_model_packages(
            ModelPackageGroupName="fleetcast"
        )
    assert early.returncode == 1
    assert "step Process ended with code 1" in early.stderr
    assert "within 15 minutes" in early.stderr
    assert late.returncode == 0, late.stderr
    assert "Ingest: already done" in late.stderr
    (package,) = listed["ModelPackageSummaryList"]
    assert f" s: {package['ModelPackageArn']}" in late.stderr
    assert not (tmp_path / "run" / "registry.json").exists()
