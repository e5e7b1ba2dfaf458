"""A processing job: reads the feature group's offline store, splits and scales the houses with Ray Data.

  python -m examples.housing.prepare

It reads the Parquet files below <base>/processing/input/store and writes into <base>/processing/output:
train/ and validation/ with scaled features, test/ with features as they are, and scaler/scaler.json with the
means and standard deviations of the houses in train/.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.
"""

import json
import logging
import shutil
from pathlib import Path
from typing import Final

import ray
from ray.data.expressions import col
from ray.data.preprocessors import StandardScaler

from container import Paths
from container.cluster import Cluster
from examples.housing.houses import FEATURES, IDENTIFIER
from examples.housing.job import run_job
from examples.housing.parts import PERCENT, SCALED, newest, read_rows, scaler_json
from fleetcast.errors import InputError

logger = logging.getLogger(__name__)

PARTITIONS: Final = 4
"""Blocks that the houses are divided into: Ray's own default is 200, each a task, for tables of many GB."""


def split(store: Path) -> dict[str, ray.data.Dataset]:
    """Return the houses of an offline store by part, each house once."""
    if next(store.rglob("*.parquet"), None) is None:
        raise InputError(f"there is no .parquet file below {store}: run examples.housing.ingest first")
    records = ray.data.read_parquet(str(store), partitioning=None)
    by_house = records.repartition(PARTITIONS, keys=[IDENTIFIER])  # all records of a house into one block
    houses = by_house.map_batches(newest, batch_size=None, batch_format="pandas").materialize()
    return {part: houses.filter(expr=col("part") == part).drop_columns(["part"]) for part in PERCENT}


def prepare(paths: Paths, _: Cluster) -> None:
    """Write the three parts and the scaler; what an earlier run wrote is replaced."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # of its progress, several lines per second
    ray.data.DataContext.get_current().enable_progress_bars = False
    parts = split(paths.processing_input / "store")
    scaler = StandardScaler(columns=list(FEATURES)).fit(parts["train"])  # the training part, and no other
    logger.info("the newest records are divided into parts, and the scaler is fitted")
    counts = []
    for name, part in parts.items():
        folder = paths.processing_output / name
        shutil.rmtree(folder, ignore_errors=True)
        written = scaler.transform(part) if name in SCALED else part
        written.write_parquet(str(folder))
        counts.append(f"{len(read_rows(folder).prices)} houses in {name}")
    folder = paths.processing_output / "scaler"
    folder.mkdir(exist_ok=True)
    (folder / "scaler.json").write_text(json.dumps(scaler_json(scaler.stats_), indent=2) + "\n")
    logger.info(", ".join(counts))


if __name__ == "__main__":
    raise SystemExit(run_job(prepare))
