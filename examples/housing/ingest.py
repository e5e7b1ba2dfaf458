"""A processing job: writes houses.csv into a feature group, with parallel Ray actors.

  python -m examples.housing.ingest --feature-group housing

It reads <base>/processing/input/houses/houses.csv, where <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.
A second run stores every record again, and `prepare` keeps the newest one of each house, so a run that failed
is repeated as it was.
"""

import argparse
import csv
import logging
from pathlib import Path
from typing import Any, Final

import boto3
import ray
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ray.exceptions import RayTaskError
from ray.util import ActorPool

from container import Paths, progress
from container.cluster import Cluster
from examples.housing.houses import EVENT_TIME, IDENTIFIER, TYPES
from examples.housing.job import run_job
from fleetcast.errors import InputError

logger = logging.getLogger(__name__)

ROWS_PER_CALL: Final = 100
RETRIES: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
"""Throttled and broken calls are made again, more slowly each time; then the job fails."""

Rows = list[dict[str, str]]


@ray.remote(num_cpus=1)
class Writer:
    """Puts houses into the feature group, from a process of its own."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._runtime = boto3.client("sagemaker-featurestore-runtime", config=RETRIES)

    def write(self, rows: Rows) -> int:
        """Put each row, and return how many there were."""
        for row in rows:
            record = [{"FeatureName": name, "ValueAsString": text} for name, text in row.items()]
            self._runtime.put_record(FeatureGroupName=self._group, Record=record)
        return len(rows)


def create_group(group: str, *, store: str, role: str) -> None:
    """Create a feature group with an offline store below an S3 address such as `s3://bucket/store`."""
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName=group,
        RecordIdentifierFeatureName=IDENTIFIER,
        EventTimeFeatureName=EVENT_TIME,
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in TYPES.items()],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": store}},
        RoleArn=role,
    )


def read_rows(path: Path) -> Rows:
    """Return the rows of a CSV file as texts by column."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def ingest(rows: Rows, group: str, cluster: Cluster) -> None:
    """Write all rows, with one actor per processor of the cluster; raise InputError where one is refused."""
    writers: list[Any] = [Writer.remote(group) for _ in range(sum(node.cpus for node in cluster.nodes))]
    parts = [rows[start : start + ROWS_PER_CALL] for start in range(0, len(rows), ROWS_PER_CALL)]
    written = ActorPool(writers).map_unordered(lambda writer, part: writer.write.remote(part), parts)
    houses = (house for count in written for house in range(count))
    try:
        for _ in progress(houses, total=len(rows), doing="ingest", unit="houses"):
            pass
    except RayTaskError as error:
        if not isinstance(error.cause, ClientError | BotoCoreError):
            raise
        raise InputError(f"not all houses are in {group}: {error.cause}; run it again") from error
    logger.info("%d houses are in the feature group %s", len(rows), group)


def main() -> int:
    """Run the job and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feature-group", required=True, help="the group's name")
    group: str = parser.parse_args().feature_group

    def work(paths: Paths, cluster: Cluster) -> None:
        ingest(read_rows(paths.processing_input / "houses" / "houses.csv"), group, cluster)

    return run_job(work)


if __name__ == "__main__":
    raise SystemExit(main())
