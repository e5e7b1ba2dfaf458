"""The hosts of a processing job."""

import json
from pathlib import Path

import pytest

from container import Paths
from fleetcast.errors import InputError
from processing.columns import Columns
from processing.hosts import check_divided
from processing.job import process


def job(base: Path, hosts: int, distribution: str, *, folder_of_input: str = "processing/input/raw") -> Paths:
    names = [f"algo-{number}" for number in range(1, hosts + 1)]
    source = {
        "S3Uri": "s3://bucket/raw",
        "S3DataDistributionType": distribution,
        "LocalPath": str(base / folder_of_input),
    }
    config = base / "config"
    config.mkdir()
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": names}))
    inputs = {"ProcessingInputs": [{"InputName": "raw", "S3Input": source}]}
    (config / "processingjobconfig.json").write_text(json.dumps(inputs))
    folder = base / "processing/input"
    folder.mkdir(parents=True)
    (folder / "raw.csv").write_text("customer_id,timestamp,consumption\na,2026-01-01,1\n")
    return Paths(base)


def test_hosts_that_would_overwrite_each_others_customers_are_refused(tmp_path: Path) -> None:
    paths = job(tmp_path, 2, "ShardedByS3Key")

    with pytest.raises(InputError, match=r"2 hosts.*only a part of 'raw'.*Use one instance"):
        process(paths, Columns())
    assert not paths.processing_output.exists()


@pytest.mark.parametrize(("hosts", "distribution"), [(1, "ShardedByS3Key"), (2, "FullyReplicated")])
def test_a_host_that_has_all_files_writes_them(tmp_path: Path, hosts: int, distribution: str) -> None:
    assert process(job(tmp_path, hosts, distribution), Columns()) == 1


def test_hosts_that_would_put_each_record_several_times_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 hosts, and each has the whole of 'raw'.*to ShardedByS3Key"):
        check_divided(job(tmp_path, 2, "FullyReplicated"))


@pytest.mark.parametrize(
    ("hosts", "distribution", "folder"),
    [
        (1, "FullyReplicated", "processing/input"),
        (2, "ShardedByS3Key", "processing/input"),
        (2, "FullyReplicated", "processing/other"),
    ],
)
def test_hosts_that_put_each_record_once_are_not_refused(
    tmp_path: Path, hosts: int, distribution: str, folder: str
) -> None:
    check_divided(job(tmp_path, hosts, distribution, folder_of_input=folder))
