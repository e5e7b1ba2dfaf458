"""A job that trains a model of all customers leaves it as one more archive, for customers that have none."""

import json
from pathlib import Path

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, read_bundle, unpack
from fleetcast.errors import InputError
from serving.models import load_packed, look_up_each
from serving.request import Invocation, RecordModel, RequestBudget, respond
from tests.unit.jobs import ledger, tree
from train.program import train
from train.settings import TrainSettings

HOURS = 24 * 21
CUSTOMERS = 10


def times(hours: int) -> list[str]:
    return list(map(str, np.datetime64("2025-01-01T00") + np.arange(hours)))


def readings(hours: int, seed: int) -> list[float]:
    """Return a day's pattern around a level near 0, and noise."""
    day = np.sin(2 * np.pi * np.arange(hours) / 24 + seed)
    values: list[float] = (2 + 3 * day + np.random.default_rng(seed).normal(0, 0.3, hours)).round(3).tolist()
    return values


def hourly(seed: int) -> str:
    rows = zip(times(HOURS), readings(HOURS, seed), strict=True)
    return "timestamp,consumption\n" + "".join(f"{time},{value}\n" for time, value in rows)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Return a job with ten customers that has trained a model of them."""
    files = {f"{seed}/data.csv": hourly(seed) for seed in range(CUSTOMERS)}
    base = tmp_path_factory.mktemp("job")
    paths = tree(base, files, models="global", non_negative="true", backtest_horizon="24")
    train(paths, TrainSettings.from_files(paths))
    return paths


@pytest.fixture(scope="module")
def packed(paths: Paths) -> bytes:
    return (paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").read_bytes()


def test_it_lies_beside_the_customers_archives_and_is_in_the_bundle_but_not_in_the_ledger(
    paths: Paths, packed: bytes
) -> None:
    (bundle,) = paths.model.glob("fleet-*.sqlite")
    entries = dict(read_bundle(bundle))

    assert entries.keys() == {*map(str, range(CUSTOMERS)), GLOBAL_NAME}
    assert entries[GLOBAL_NAME] == packed
    assert GLOBAL_NAME not in ledger(paths)


def test_its_metadata_name_it_and_the_jobs_floor(packed: bytes) -> None:
    expected = {"customer": GLOBAL_NAME, "freq": "h", "non_negative": True}

    assert unpack(packed).metadata == expected


def test_it_forecasts_a_customer_that_the_job_never_had(packed: bytes) -> None:
    model = load_packed(packed)
    history = {"ds": times(24 * 5), "y": readings(24 * 5, seed=99)}
    body = json.dumps({"history": history, "period": 24}).encode()

    response = respond(
        Invocation(body, {}, RecordModel(GLOBAL_NAME)), look_up_each(lambda _: model), budget=RequestBudget()
    )

    rows = json.loads(response.body)["predictions"]
    actual = 2 + 3 * np.sin(2 * np.pi * np.arange(24) / 24 + 99)
    assert np.abs([row["yhat"] for row in rows] - np.maximum(actual, 0)).mean() < 0.5
    assert min(row["yhat_lower"] for row in rows) == 0


def test_a_customer_with_its_name_ends_the_job_with_what_to_do(tmp_path: Path) -> None:
    paths = tree(tmp_path, {f"{GLOBAL_NAME}/data.csv": hourly(0)}, models="global")

    with pytest.raises(InputError, match=r"a customer is called global_model.*rename it"):
        train(paths, TrainSettings.from_files(paths))
