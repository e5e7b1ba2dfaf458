"""A training job: searches hyperparameters and trains XGBoost over Ray, on all hosts of the job.

  python -m examples.housing.train

It reads the channels train, validation and scaler in <base>/input/data, where every host has all files, and
the hyperparameters trials, seed and workers_per_host; it writes model.ubj, scaler.json and code/inference.py
into <base>/model.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.

The hosts become one Ray cluster.  Each trial of the search is a task of Ray.  The model itself is trained by
actors that hold a part of the rows each and sum their histograms through XGBoost's own collective.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import ray
import xgboost as xgb
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from xgboost.tracker import RabitTracker

from container import Paths, log_metrics, progress, read_json_object
from container.cluster import Cluster
from examples.housing.job import run_job
from examples.housing.parts import Rows, read_rows
from fleetcast.errors import SettingError

MOST_ROUNDS: Final = 600
PATIENCE: Final = 20
"""A trial ends after so many rounds without a smaller error on the validation part."""
FIXED: Final = {"objective": "reg:squarederror", "tree_method": "hist", "seed": 0, "nthread": 1}
DEFAULTS: Final = {"trials": 12, "seed": 0, "workers_per_host": 2}
"""The hyperparameters."""

Parameters = dict[str, Any]


def candidates(count: int, *, seed: int) -> list[Parameters]:
    """Return `count` random points of the search space; equal for an equal seed."""
    random = np.random.default_rng(seed)
    return [
        {
            "eta": float(np.exp(random.uniform(np.log(0.03), np.log(0.3)))),
            "max_depth": int(random.integers(3, 9)),
            "min_child_weight": float(np.exp(random.uniform(0, np.log(20)))),
            "subsample": float(random.uniform(0.6, 1)),
        }
        for _ in range(count)
    ]


@ray.remote(num_cpus=1)
def trial(parameters: Parameters, channels: Path) -> tuple[float, int, Parameters]:
    """Return the error on the validation part (RMSE), the number of rounds, and the parameters."""
    train, validation = (read_rows(channels / name) for name in ("train", "validation"))
    booster = xgb.train(
        FIXED | parameters,
        xgb.DMatrix(train.features, train.prices),
        MOST_ROUNDS,
        evals=[(xgb.DMatrix(validation.features, validation.prices), "validation")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return booster.best_score, booster.best_iteration + 1, parameters


def tune(channels: Path, *, trials: int, seed: int) -> tuple[float, int, Parameters]:
    """Return what `trial` returned for the parameters with the smallest error."""
    waiting = [trial.remote(parameters, channels) for parameters in candidates(trials, seed=seed)]
    results = progress(_as_they_end(waiting), total=trials, doing="tune", unit="trials")
    return min(results, key=lambda result: result[:2])


def _as_they_end(waiting: list[Any]) -> Iterator[Any]:
    while waiting:
        (ready,), waiting = ray.wait(waiting)
        yield ray.get(ready)


@ray.remote(num_cpus=0)  # its host is chosen by hand
def train_part(
    parameters: Parameters, rounds: int, channel: Path, place: tuple[int, int], tracker: Mapping[str, Any]
) -> bytes:
    """Train with every n-th row as worker number i of n; every worker returns the same model."""
    index, count = place
    rows = read_rows(channel)
    part = Rows(rows.features[index::count], rows.prices[index::count])
    with xgb.collective.CommunicatorContext(**tracker):
        booster = xgb.train(FIXED | parameters, xgb.DMatrix(part.features, part.prices), rounds)
    return bytes(booster.save_raw("ubj"))


def train_over_hosts(
    cluster: Cluster, parameters: Parameters, rounds: int, channel: Path, *, workers_per_host: int
) -> bytes:
    """Return the model that the workers on all hosts have trained together."""
    nodes = [node for node in cluster.nodes for _ in range(workers_per_host)]
    tracker = RabitTracker(host_ip=cluster.head.address, n_workers=len(nodes))
    tracker.start()
    workers = []
    for index, node in enumerate(nodes):
        there = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
        task, place = train_part.options(scheduling_strategy=there), (index, len(nodes))
        workers.append(task.remote(parameters, rounds, channel, place, tracker.worker_args()))
    model: bytes = ray.get(workers)[0]
    tracker.wait_for()
    return model


def hyperparameters(texts: Mapping[str, Any]) -> dict[str, int]:
    """Return the job's hyperparameters as numbers; raise SettingError for what is none of them."""
    found = dict(DEFAULTS)
    for name, text in texts.items():
        if name.startswith(("_", "sagemaker_")):  # SageMaker's own
            continue
        if name not in DEFAULTS:
            raise SettingError(f"{name!r} is not one of the hyperparameters {', '.join(DEFAULTS)}")
        least = 0 if name == "seed" else 1
        if not str(text).isdecimal() or int(text) < least:
            raise SettingError(
                f"the hyperparameter {name} must be a whole number from {least} on, not {text!r}"
            )
        found[name] = int(text)
    return found


def train(paths: Paths, cluster: Cluster) -> None:
    """Search, train and write the model."""
    chosen = hyperparameters(read_json_object(paths.config / "hyperparameters.json"))
    error, rounds, parameters = tune(paths.channels, trials=chosen["trials"], seed=chosen["seed"])
    model = train_over_hosts(
        cluster, parameters, rounds, paths.channels / "train", workers_per_host=chosen["workers_per_host"]
    )
    (paths.model / "code").mkdir(parents=True, exist_ok=True)
    (paths.model / "model.ubj").write_bytes(model)
    shutil.copy(paths.channels / "scaler" / "scaler.json", paths.model)
    shutil.copy(Path(__file__).with_name("inference.py"), paths.model / "code")
    log_metrics({"validation_rmse": error, "rounds": rounds} | parameters)


if __name__ == "__main__":
    raise SystemExit(run_job(train))
