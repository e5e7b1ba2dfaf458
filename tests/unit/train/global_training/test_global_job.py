"""A job with a model of all customers: the same archives whoever trains them, and however often."""

import math
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, unpack
from fleetcast.forecasting import ForecastOptions, forecast, loads
from testbed.server import installed
from tests.unit.fleetcast.global_model.fleets import readings, stamps
from tests.unit.jobs import archives, ledger, trained, tree, write_config
from tests.unit.train.global_training.fleets import csv, daily
from train.customer.combine import AS_ALL
from train.customer.earlier import EarlierArchive, EarlierChoice
from train.program import train
from train.settings import TrainSettings

DAYS = 120
FEW = {"few/data.csv": csv("D", np.concatenate((np.full(DAYS - 21, np.nan), readings("D", 21, 99))))}
"""Three weeks: enough for the plain model, which no backtest of such a history can have."""


def files() -> dict[str, str]:
    return daily(11, DAYS) | FEW


def settings_of(paths: Paths, workers: int) -> TrainSettings:
    return replace(TrainSettings.from_files(paths), workers=workers)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Return the folders of a job that is done."""
    paths = tree(tmp_path_factory.mktemp("job"), files(), models="auto", intervals="calibrated")
    train(paths, settings_of(paths, 2))
    return paths


def metadata(paths: Paths, customer: str) -> dict[str, Any]:
    return dict(unpack((paths.checkpoints / f"{customer}.tar.gz").read_bytes()).metadata)


def test_the_model_of_all_customers_has_its_share_in_each_customers_forecast(job: Paths) -> None:
    rows = ledger(job)

    assert rows.keys() == {name.split("/")[0] for name in files()}
    for name in rows.keys() - {"few"}:
        weights = metadata(job, name)["metrics"]["members"]
        assert weights["global"] == pytest.approx(0.7)
        assert sum(weights.values()) == pytest.approx(1, abs=1e-4)
        assert rows[name]["backtest"].keys() >= {"global", "combined"}


def test_a_customer_with_few_readings_has_the_plain_forecast_with_intervals(job: Paths) -> None:
    packed = unpack((job.checkpoints / "few.tar.gz").read_bytes())
    table = forecast(loads(packed.model), ForecastOptions(periods=14, freq="D"))

    assert "members" not in packed.metadata["metrics"]
    assert AS_ALL in ledger(job)["few"]["warnings"]
    assert (table["yhat_lower"] < table["yhat"]).all()
    assert (table["yhat"] < table["yhat_upper"]).all()


def test_the_report_says_whom_the_model_forecasts_and_with_what_weight(job: Paths) -> None:
    page = (job.output_data / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")

    together = "the methods below, as weighted; 11 of them by the model of all customers (global), which has"
    assert f'<tr><td class="number">11<td>{together} 70.0 %' in page
    assert '<tr><td class="number">1<td>the model of all customers alone: too few readings' in page
    assert '<tr><td>global<td class="number">11<td class="number">70.0 %' in page
    assert '<tr><td>no backtest, model of all customers<td class="number">1<td>few: ' in page


def test_archives_do_not_depend_on_the_number_of_workers_or_the_order_of_files(
    job: Paths, tmp_path: Path
) -> None:
    paths = tree(tmp_path, dict(reversed(files().items())), models="auto", intervals="calibrated")
    train(paths, settings_of(paths, 1))

    assert archives(paths) == archives(job)


def test_a_job_that_goes_on_fits_only_what_is_missing_and_makes_the_same_archives(
    job: Paths, tmp_path: Path
) -> None:
    paths = Paths(tmp_path / "copy")
    shutil.copytree(job.base, paths.base)
    for name in ("c03", "few", GLOBAL_NAME):
        (paths.checkpoints / f"{name}.tar.gz").unlink()
    rows = trained(paths)

    assert {name for name, row in rows.items() if row["status"] != "skipped"} == {"c03", "few"}
    assert archives(paths) == archives(job)


def test_two_hosts_train_the_same_model_and_each_its_share_of_the_customers(
    job: Paths, tmp_path: Path
) -> None:
    found: list[dict[str, bytes]] = []
    for name in ("algo-1", "algo-2"):
        paths = tree(tmp_path / name, files(), models="auto", intervals="calibrated", engine="local")
        write_config(paths, "resourceconfig", {"current_host": name, "hosts": ["algo-1", "algo-2"]})
        write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "FullyReplicated"}})
        train(paths, settings_of(paths, 2))
        found.append(archives(paths))

    assert found[0].keys() & found[1].keys() == {f"{GLOBAL_NAME}.tar.gz"}
    assert found[0] | found[1] == archives(job)
    assert found[0][f"{GLOBAL_NAME}.tar.gz"] == found[1][f"{GLOBAL_NAME}.tar.gz"]


def test_too_few_customers_have_the_archives_of_a_job_without_the_model(tmp_path: Path) -> None:
    found = []
    for share in ("0.7", "0"):
        paths = tree(tmp_path / share, daily(2, 60), models="auto", global_share=share)
        train(paths, settings_of(paths, 1))
        found.append(archives(paths))

    assert len(found[0]) == 2
    assert found[0] == found[1]


def test_customers_with_other_steps_keep_their_own_methods(job: Paths, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "copy")
    shutil.copytree(job.base, paths.base)
    weekly = csv("W-MON", readings("W-MON", 180, 5))
    path = paths.channels / "train" / "weekly" / "data.csv"
    path.parent.mkdir()
    path.write_text(weekly)
    rows = trained(paths)

    assert rows["weekly"]["status"] == "ok"
    assert "global" not in metadata(paths, "weekly")["metrics"]["members"]
    assert {row["status"] for name, row in rows.items() if name != "weekly"} == {"skipped"}


def test_an_earlier_choice_is_that_of_the_customers_own_methods(job: Paths) -> None:
    packed = (job.checkpoints / "c01.tar.gz").read_bytes()
    choice = EarlierChoice.in_archive(EarlierArchive(unpack(packed), packed), "c01")
    weights = metadata(job, "c01")["metrics"]["members"]

    assert not choice.problem
    assert choice.incumbent is not None
    assert choice.incumbent.weights.keys() == weights.keys() - {"global"}
    assert math.fsum(choice.incumbent.weights.values()) == 1
    for name, weight in choice.incumbent.weights.items():
        assert weight == pytest.approx(weights[name] / 0.3, abs=1e-4)


def test_a_choice_that_is_kept_keeps_its_weights_beside_the_models_share(tmp_path: Path) -> None:
    options = {"keep_incumbent": "true", "champion_margin": "1"}  # no new choice is better by that
    paths = tree(tmp_path, daily(10, DAYS), models="auto", config={}, **options)
    train(paths, settings_of(paths, 2))
    before = metadata(paths, "c01")["metrics"]["members"]
    tree(tmp_path, daily(10, DAYS + 20), models="auto", config={}, **options)
    rows = trained(paths)

    assert metadata(paths, "c01")["incumbent"]["outcome"] == "kept"
    assert metadata(paths, "c01")["metrics"]["members"] == pytest.approx(before, abs=1e-5)
    assert not any("earlier archive" in row.get("warnings", {}) for row in rows.values())


@pytest.mark.parametrize("line", [b"engine local", b"global model: 60 customers"])
def test_sigterm_while_rows_are_drawn_or_trees_fitted_ends_the_job_with_nothing_half_written(
    tmp_path: Path, line: bytes
) -> None:
    days = 900
    paths = tree(tmp_path, daily(60, days), models="auto")
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(installed("train"), env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        seen = b""
        while line not in seen and (more := os.read(process.stderr.fileno(), 4096)):
            seen += more
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        log = (seen + process.stderr.read()).decode()

    assert process.returncode == 143
    assert "Traceback" not in log
    assert "stopped: 0 of 60 customers are done" in log
    assert list(paths.checkpoints.glob("*.tar.gz")) == []
    assert not [path for path in paths.checkpoints.rglob("*") if path.suffix in {".new", ".tmp", ".part"}]


def test_what_a_regressor_adds_is_added_to_the_forecast_again(tmp_path: Path) -> None:
    is_open = (np.arange(DAYS + 14) % 5 == 0).astype(float)
    plain, with_effect = {}, {}
    for n in range(10):
        y = readings("D", DAYS, n)
        plain[f"c{n}/data.csv"] = csv("D", y)
        columns = {"open": is_open[:DAYS]}
        with_effect[f"c{n}/data.csv"] = csv("D", y + 5 * y.mean() * is_open[:DAYS], columns=columns)
    one = tree(tmp_path / "plain", plain, models="global")
    two = tree(tmp_path / "effect", with_effect, models="global", regressors="open")
    tables = []
    future = (stamps("D", DAYS + 14)[DAYS:]).view("datetime64[us]")
    for paths, regressors in ((one, None), (two, {"open": is_open[DAYS:]})):
        train(paths, settings_of(paths, 2))
        model = loads(unpack((paths.checkpoints / "c1.tar.gz").read_bytes()).model)
        tables.append(np.asarray(forecast(model, ForecastOptions(ds=future, regressors=regressors))["yhat"]))
    y = readings("D", DAYS, 1)
    effect = 5 * y.mean() * is_open[DAYS:]

    np.testing.assert_allclose(tables[1] - effect, tables[0], atol=0.5 * y.std())
