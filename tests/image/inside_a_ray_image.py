"""Run inside the ray image: a cluster of two nodes, an actor on each, one model of the rows of both."""

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import ray
import xgboost
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from xgboost.tracker import RabitTracker

HOST, PORT = "127.0.0.1", 6379
STORE_BYTES = 80 << 20
"""Ray asks for 75 MB at least; Docker's /dev/shm has 64 MB, so the store is a file in another folder."""
SECONDS = 120
SETTINGS = {"max_depth": 3, "nthread": 1, "seed": 1, "tree_method": "hist"}
ROUNDS = 5


def start(folder: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a node; it ends with its process."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    options = (f"--node-ip-address={HOST}", "--num-cpus=1", "--include-log-monitor=false")
    store = (f"--object-store-memory={STORE_BYTES}", f"--plasma-directory={folder}", f"--temp-dir={folder}")
    return subprocess.Popen(
        [*command, *options, *store, *arguments],
        env=os.environ | {"RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1"},
        stdout=subprocess.DEVNULL,
    )


def connect(head: subprocess.Popen[bytes]) -> None:
    """Connect this process as soon as the head answers."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            ray.init(f"{HOST}:{PORT}", _node_ip_address=HOST, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError):
            if head.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def nodes(count: int) -> list[str]:
    """Return the nodes' ids once there are `count` of them."""
    deadline = time.monotonic() + SECONDS
    while True:
        alive = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        if len(alive) == count:
            return alive
        assert time.monotonic() < deadline, alive
        time.sleep(0.2)


def on(node: str) -> dict[str, Any]:
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


def rows() -> tuple[Any, Any]:
    features = np.random.default_rng(0).normal(size=(2_000, 5))
    return features, features[:, 0] * 2 + features[:, 1]


@ray.remote(num_cpus=0)
class Where:
    """An actor that says on which node it is."""

    def node(self) -> str:
        return str(ray.get_runtime_context().get_node_id())


@ray.remote(num_cpus=1)
def share_of_a_model(first: int, count: int, tracker: dict[str, Any]) -> str:
    """Train with every `count`-th row; each share ends with the model of all rows."""
    features, target = rows()
    own = xgboost.DMatrix(features[first::count], target[first::count])
    with xgboost.collective.CommunicatorContext(**tracker):
        return bytes(xgboost.train(SETTINGS, own, ROUNDS).save_raw("json")).decode()


def train(ids: list[str]) -> list[str]:
    """Return the model that each node ends with."""
    tracker = RabitTracker(host_ip=HOST, n_workers=len(ids))
    tracker.start()
    arguments = tracker.worker_args()
    shares = [
        share_of_a_model.options(**on(node)).remote(first, len(ids), arguments)
        for first, node in enumerate(ids)
    ]
    models: list[str] = ray.get(shares)
    return models


def findings(ids: list[str]) -> dict[str, Any]:
    actors = [Where.options(**on(node)).remote() for node in ids]
    models = train(ids)
    booster = xgboost.Booster()
    booster.load_model(bytearray(models[0].encode()))
    features, target = rows()
    return {
        "actors_are_where_they_were_put": ray.get([each.node.remote() for each in actors]) == ids,
        "shares_have_one_model": models[0] == models[1],
        "error": float(np.abs(booster.inplace_predict(features) - target).mean()),
        "error_of_the_mean": float(np.abs(target - target.mean()).mean()),
        "returned": int(ray.get(ray.put(np.ones(2_000_000))).sum()),
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        head = start(folder, "--head", f"--port={PORT}", "--include-dashboard=false")
        connect(head)
        second = start(folder, f"--address={HOST}:{PORT}")
        json.dump(findings(nodes(2)), sys.stdout)
        ray.shutdown()
        for node in (second, head):
            node.terminate()
            node.wait(SECONDS)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
