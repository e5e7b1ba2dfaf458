"""A refresh of archives in whose forecasts the model of all customers has a part."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, unpack
from fleetcast.errors import InputError
from fleetcast.forecasting.members import GriddedHistory, forecasts
from fleetcast.global_model import DatedModels, Series, plain_path, read_global_model
from tests.unit.jobs import trained, tree
from tests.unit.train.refresh.jobs import (
    HOUR,
    START,
    bundle,
    csv,
    hourly,
    ledger,
    metadata,
    model,
    packed,
    path,
    put,
    refreshed,
)
from train.exit_codes import TrainingError
from train.refresh.program import refresh
from train.settings import TrainSettings

CUSTOMERS = 11
WEEK = 7 * 24 * HOUR
N = 24 * 21


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Return a tree that was trained with a model of all customers, one of them with five days alone."""
    base = tmp_path_factory.mktemp("global")
    files = {f"c{seed}.csv": csv(hourly(25, seed=seed)[:N]) for seed in range(CUSTOMERS)}
    paths = tree(base, files, models="auto", backtest_horizon="24", intervals="calibrated")
    rows = trained(paths)
    assert "global" in rows["c0"]["members"]
    return paths


@pytest.fixture
def paths(archives: Paths, tmp_path: Path) -> Paths:
    """Return a copy of the tree with four newer days of each customer."""
    copy = Paths(tmp_path / "copy")
    shutil.copytree(archives.base, copy.base)
    for seed in range(CUSTOMERS):
        put(copy, f"c{seed}.csv", csv(hourly(25, seed=seed)))
    return copy


def models(paths: Paths) -> DatedModels:
    content = unpack(packed(paths, GLOBAL_NAME)).model
    assert isinstance(content, bytes)
    return DatedModels((0,), (read_global_model(content),))


def test_the_model_of_all_customers_keeps_its_share_with_a_new_forecast(paths: Paths) -> None:
    weights = metadata(paths, "c0")["metrics"]["members"]

    assert refreshed(paths)["c0"]["status"] == "refreshed"

    y = hourly(25, seed=0)
    history = GriddedHistory.of(START + HOUR * np.arange(y.size), y, "h")
    assert history is not None
    found = path(model(paths, "c0"))
    own = [name for name in weights if name not in {"global", "prophet", "prophet+correction"}]
    each = {name: paths_of[0] for name, paths_of in forecasts(own, [history.grid()], found.size, {}).items()}
    last = START + HOUR * (y.size - 1)
    (each["global"],) = models(paths).paths([history], last, [y.size], found.size)
    if "prophet+correction" not in weights:
        together = sum(weights[name] * np.asarray(each[name]) for name in each)
        np.testing.assert_allclose(found, together, rtol=1e-5)
    assert bundle(paths)[GLOBAL_NAME] == packed(paths, GLOBAL_NAME)


def test_a_customer_with_few_readings_is_forecast_by_the_plain_model_again(tmp_path: Path) -> None:
    weeks = {f"c{seed}": hourly(9, seed=seed)[:200] for seed in range(CUSTOMERS)}
    files = {f"{name}.csv": csv(y, step=WEEK) for name, y in weeks.items()}
    short, first = hourly(6, seed=50)[:44], 160 * WEEK // HOUR
    files["short.csv"] = csv(short[:40], first, step=WEEK)
    paths = tree(tmp_path, files, models="auto", intervals="calibrated")
    assert "members" not in trained(paths)["short"]
    before = model(paths, "short").combination
    put(paths, "short.csv", csv(short, first, step=WEEK))

    assert refreshed(paths)["short"]["status"] == "refreshed"

    after = model(paths, "short").combination
    last = START + WEEK * (160 + short.size - 1)
    series = Series.of(
        GriddedHistory.of(last + WEEK * np.arange(1 - short.size, 1), short, "W-MON"), last, "W-MON"
    )
    assert series is not None
    assert before is not None
    assert after is not None
    assert after.origin == last
    assert (after.calibration is None) == (before.calibration is None)
    found = path(model(paths, "short"))
    np.testing.assert_allclose(found, plain_path(models(paths).models[0], series, found.size), rtol=1e-4)


def test_new_readings_suffice_for_the_model_of_all_customers(paths: Paths, tmp_path: Path) -> None:
    steps = Paths(tmp_path / "steps")
    shutil.copytree(paths.base, steps.base)
    y = hourly(25, seed=0)
    put(steps, "c0.csv", csv(y[: N + 24]))
    refreshed(steps)
    put(steps, "c0.csv", csv(y[N + 24 :], N + 24))

    refreshed(steps)
    refreshed(paths)

    np.testing.assert_allclose(path(model(steps, "c0")), path(model(paths, "c0")), rtol=5e-3)


def test_without_its_model_a_customer_keeps_its_archive_and_is_named(paths: Paths) -> None:
    (paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").unlink()
    old = packed(paths, "c0")

    with pytest.raises(TrainingError, match=r"put global_model\.tar\.gz of its training beside"):
        refresh(paths, TrainSettings.from_files(paths))

    assert ledger(paths)["c0"]["status"] == "kept"
    assert packed(paths, "c0") == old


def test_a_damaged_model_ends_the_job_before_anything_is_written(paths: Paths) -> None:
    (paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").write_bytes(b"no archive")

    with pytest.raises(InputError, match=r"global_model\.tar\.gz: .* put that of the training there"):
        refresh(paths, TrainSettings.from_files(paths))

    assert not (paths.output_data / "refresh.jsonl").exists()
