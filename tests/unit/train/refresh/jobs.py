"""Trees with an archive of a customer, and what a refresh makes of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from container import Paths
from fleetcast.archive import read_bundle, unpack
from fleetcast.forecasting import ForecastOptions, Model, forecast, loads
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import microseconds
from tests.unit.jobs import trained, tree
from train.refresh.program import refresh
from train.settings import TrainSettings

HOUR = 3_600_000_000
START = int(microseconds(["2025-01-06"])[0])
DAYS = 35
SEVERAL = json.dumps(["seasonal_naive", "long_profile", "autoregression", "median"])


def hourly(days: int = DAYS + 4, seed: int = 0) -> Vector:
    random = np.random.default_rng(seed)
    steps = np.arange(24 * days)
    shape = random.gamma(2.0, size=24)[steps % 24] + np.repeat(random.normal(size=7), 24)[steps % 168]
    y: Vector = np.round(100 + 10 * shape + np.cumsum(random.normal(size=steps.size)) * 0.1, 3)
    return y


def csv(y: Vector, first: int = 0, *, columns: Mapping[str, Vector] | None = None, step: int = HOUR) -> str:
    columns = columns or {}
    stamps = (
        (START + HOUR * first + step * np.arange(y.size)).astype("datetime64[us]").astype("datetime64[s]")
    )
    lines = [",".join(("timestamp", "consumption", *columns))]
    for row, (stamp, value) in enumerate(zip(stamps, y, strict=True)):
        cells = [str(stamp), "" if np.isnan(value) else f"{value}"]
        lines.append(",".join([*cells, *(str(values[row]) for values in columns.values())]))
    return "\n".join(lines) + "\n"


N = 24 * DAYS
WHOLE = hourly()


def put(paths: Paths, name: str, content: str) -> None:
    """Replace a customer's file in the channel."""
    (paths.channels / "train" / name).write_text(content)


def refreshed(paths: Paths) -> dict[str, dict[str, Any]]:
    """Run the job in this process, with real workers; return the ledger's lines by customer."""
    assert refresh(paths, TrainSettings.from_files(paths)) == 0
    return ledger(paths)


def ledger(paths: Paths) -> dict[str, dict[str, Any]]:
    lines = (paths.output_data / "refresh.jsonl").read_text().splitlines()
    return {row["customer"]: row for row in map(json.loads, lines)}


def packed(paths: Paths, customer: str = "a") -> bytes:
    return (paths.checkpoints / f"{customer}.tar.gz").read_bytes()


def model(paths: Paths, customer: str = "a") -> Model:
    found = loads(unpack(packed(paths, customer)).model)
    assert isinstance(found, Model)
    return found


def metadata(paths: Paths, customer: str = "a") -> Mapping[str, Any]:
    return unpack(packed(paths, customer)).metadata


def yhat(paths: Paths, customer: str = "a", periods: int = 48) -> Vector:
    return np.asarray(forecast(model(paths, customer), ForecastOptions(periods, "h"))["yhat"])


def bundle(paths: Paths) -> dict[str, bytes]:
    return dict(read_bundle(paths.model / "fleet-algo-1.sqlite"))


def path(of: Model) -> Vector:
    assert of.combination is not None
    assert of.combination.correction is not None
    return of.combination.correction.path


def job(tmp_path: Path, models: str = SEVERAL, **hyperparameters: str) -> Paths:
    """Return a tree with an archive of a customer `a` that was trained without its last four days."""
    paths = tree(tmp_path, {"a.csv": csv(WHOLE[:N])}, config=None, models=models, **hyperparameters)
    assert trained(paths)["a"]["status"] == "ok"
    return paths
