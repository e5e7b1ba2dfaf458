"""The job as a whole, in this process with real workers: shares, resuming, the ladder, what is written."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import read_archive, read_bundle, unpack
from fleetcast.errors import InputError, SettingError
from fleetcast.forecasting import ForecastOptions, forecast, loads
from train.channel import find_customers
from train.host import Host
from train.program import train
from train.settings import TrainSettings

HEADER = "timestamp,consumption\n"


def history(*, days: int = 40, seed: int = 0, columns: dict[str, float] | None = None) -> str:
    generator = np.random.default_rng(seed)
    ds = np.datetime64("2025-01-01T06:00:00") + np.arange(days) * np.timedelta64(1, "D")
    y = 50 + 5 * np.sin(np.arange(days) * 2 * np.pi / 7) + generator.normal(0, 1, days)
    more = {name: generator.normal(value, 1, days) for name, value in (columns or {}).items()}
    lines = [",".join(["timestamp,consumption", *more])]
    lines += [
        ",".join([str(ds[row]), f"{y[row]:.4f}", *(f"{values[row]:.4f}" for values in more.values())])
        for row in range(days)
    ]
    return "\n".join(lines) + "\n"


def channel(base: Path, files: dict[str, str], *, config: dict[str, Any] | None = None) -> Paths:
    paths = Paths(base)
    for file, content in files.items():
        path = paths.channels / "train" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    paths.config.mkdir(parents=True, exist_ok=True)
    for name, content in (config or {}).items():
        (paths.config / f"{name}.json").write_text(json.dumps(content))
    return paths


def ledger(paths: Paths) -> dict[str, dict[str, Any]]:
    lines = (paths.output_data / "train.jsonl").read_text().splitlines()
    return {row["customer"]: row for row in map(json.loads, lines)}


def hosts(name: str, distribution: str) -> dict[str, Any]:
    return {
        "resourceconfig": {"current_host": name, "hosts": ["algo-1", "algo-2"]},
        "inputdataconfig": {"train": {"S3DistributionType": distribution}},
    }


def test_replicated_data_is_shared_out_so_that_nobody_is_trained_twice_or_left_out(tmp_path: Path) -> None:
    files = {f"{n}/data.csv": "" for n in range(7)}
    shares = []
    for name in ("algo-1", "algo-2"):
        paths = channel(tmp_path / name, files, config=hosts(name, "FullyReplicated"))
        shares.append({customer.name for customer in find_customers(paths, Host.from_files(paths))})

    assert shares[0] | shares[1] == {str(n) for n in range(7)}
    assert shares[0] & shares[1] == set()


def test_a_share_given_by_key_is_trained_as_it_came(tmp_path: Path) -> None:
    files = {f"{n}/data.csv": "" for n in range(3)}
    paths = channel(tmp_path, files, config=hosts("algo-2", "ShardedByS3Key"))

    assert len(find_customers(paths, Host.from_files(paths))) == 3


def test_a_customer_whose_objects_may_lie_on_two_hosts_fails_with_the_reason(tmp_path: Path) -> None:
    files = {"whole/data.csv": history(), "torn/part-0.csv": history(), "torn/part-1.csv": history()}
    paths = channel(tmp_path, files, config=hosts("algo-1", "ShardedByS3Key"))

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["whole"]["status"] == "ok"
    assert "other hosts may have the missing parts" in ledger(paths)["torn"]["reason"]


def test_several_files_of_a_customer_are_one_history_on_a_single_host(tmp_path: Path) -> None:
    text = history()
    lines = text.splitlines(keepends=True)
    files_of_7 = {"7/a.csv": HEADER + "".join(lines[21:]), "7/b.csv": "".join(lines[:21])}

    for base, files in (("parts", files_of_7), ("whole", {"7/data.csv": text})):
        train(channel(tmp_path / base, files), TrainSettings())

    models = [
        read_archive(Paths(tmp_path / base).checkpoints / "7.tar.gz").model for base in ("parts", "whole")
    ]
    assert models[0] == models[1]


def test_a_host_that_is_not_among_the_hosts_is_an_error(tmp_path: Path) -> None:
    config = {"resourceconfig": {"current_host": "algo-3", "hosts": ["algo-1"]}}

    with pytest.raises(InputError, match=r"current_host 'algo-3' is not among hosts"):
        Host.from_files(channel(tmp_path, {}, config=config))


def test_a_restart_fits_only_what_is_new_or_changed_and_deletes_nothing(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"same/data.csv": history(), "changed/data.csv": history()})
    train(paths, TrainSettings())
    before = (paths.checkpoints / "same.tar.gz").stat().st_mtime_ns
    (paths.checkpoints / "another-host.tar.gz").write_bytes(b"not ours")
    channel(tmp_path, {"changed/data.csv": history(seed=1), "new/data.csv": history(seed=2)})

    train(paths, TrainSettings())

    assert {name: row["status"] for name, row in ledger(paths).items()} == {
        "same": "skipped",
        "changed": "ok",
        "new": "ok",
    }
    assert (paths.checkpoints / "same.tar.gz").stat().st_mtime_ns == before
    assert (paths.checkpoints / "another-host.tar.gz").read_bytes() == b"not ours"


def test_another_hyperparameter_is_a_change(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": history()})
    train(paths, TrainSettings())

    train(paths, TrainSettings(model={"n_changepoints": 3}))

    assert ledger(paths)["7"]["status"] == "ok"


def test_a_damaged_archive_is_fitted_again(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": history()})
    train(paths, TrainSettings())
    whole = (paths.checkpoints / "7.tar.gz").read_bytes()
    (paths.checkpoints / "7.tar.gz").write_bytes(whole[:-9])

    train(paths, TrainSettings())

    assert ledger(paths)["7"]["status"] == "ok"
    assert (paths.checkpoints / "7.tar.gz").read_bytes() == whole


def test_a_customer_that_no_engine_fits_gets_a_seasonal_naive_forecast_and_says_so(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": HEADER + "2025-01-01,5\n"})

    train(paths, TrainSettings(max_fallback_fraction=1.0))

    row = ledger(paths)["7"]
    model = loads(read_archive(paths.checkpoints / "7.tar.gz").model)
    assert (row["status"], row["engine"]) == ("fallback", "naive")
    assert "seasonal naive forecast instead" in row["reason"]
    assert forecast(model, ForecastOptions(2))["yhat"].tolist() == pytest.approx([5.0, 5.0])
    assert str(forecast(model, ForecastOptions(1))["ds"][0])[:10] == "2025-01-02"


def test_readings_that_are_all_missing_have_no_model(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": HEADER + "2025-01-01,\n2025-01-02,\n"})

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["7"]["reason"] == "no reading is a number"


def test_a_name_that_no_archive_can_bear_stops_nobody_else(tmp_path: Path) -> None:
    paths = channel(tmp_path, {f"{'é' * 125}/data.csv": history(), "7/data.csv": history()})

    train(paths, TrainSettings(max_failed_fraction=0.5))

    assert "name" in ledger(paths)["é" * 125]["reason"]
    assert ledger(paths)["7"]["status"] == "ok"


def test_a_file_that_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": history()})
    (paths.channels / "train" / "pipe").mkdir()
    os.mkfifo(paths.channels / "train" / "pipe" / "data.csv")

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["pipe"]["reason"] == "data.csv is not a regular file"


def test_hyperparameters_nobody_can_be_fitted_with_fail_the_job_at_once(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": history()})

    with pytest.raises(SettingError, match=r"growth must be one of .*, not 'cubic'"):
        train(paths, TrainSettings(model={"growth": "cubic"}))


def test_regressors_conditions_and_bounds_come_from_the_customers_file(tmp_path: Path) -> None:
    given = {
        "growth": "logistic",
        "cap": "100",
        "max_failed_fraction": "1",
        "regressors": "temperature",
        "seasonalities": '[{"name": "x", "period": 3, "fourier_order": 1, "condition_name": "on"}]',
    }
    text = history(columns={"temperature": 20.0})
    rows = text.splitlines()
    text = "\n".join([rows[0] + ",on", *(f"{row},{n % 2}" for n, row in enumerate(rows[1:]))]) + "\n"
    paths = channel(
        tmp_path, {"7/data.csv": text, "8/data.csv": history()}, config={"hyperparameters": given}
    )

    settings = TrainSettings.from_files(paths)
    train(paths, settings)

    assert ledger(paths)["7"]["engine"] == "fleetcast"
    assert settings.columns == ("temperature", "on")
    assert "no column temperature and no column on" in ledger(paths)["8"]["reason"]


def test_a_holdout_is_measured_and_the_model_is_then_fitted_to_all(tmp_path: Path) -> None:
    given = {"hyperparameters": {"holdout": "7D"}}
    paths = channel(tmp_path, {"7/data.csv": history()}, config=given)
    plain = channel(tmp_path / "plain", {"7/data.csv": history()})

    train(paths, TrainSettings.from_files(paths))
    train(plain, TrainSettings())

    assert ledger(paths)["7"]["holdout"].keys() == {"mae", "rmse", "smape", "mase", "coverage"}
    archives = [read_archive(each.checkpoints / "7.tar.gz") for each in (paths, plain)]
    assert archives[0].model == archives[1].model


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to tell files apart")
def test_every_archive_is_on_the_disk_before_its_name_and_all_names_before_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = channel(tmp_path, {f"{customer}/data.csv": history(seed=customer) for customer in range(20)})
    fsync, replace, done = os.fsync, os.replace, []

    def sync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(("on disk", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def rename(source: Path, target: Path) -> None:
        replace(source, target)
        done.append(("on disk" if ("on disk", str(source)) in done else "lost", str(target)))

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    train(paths, TrainSettings())

    names = [path for _, path in done]
    archives = [str(path) for path in paths.checkpoints.iterdir()]
    assert len(archives) == 20
    assert [path for state, path in done if state == "lost"] == []
    last = max(names.index(path) for path in archives)
    assert last < names.index(str(paths.checkpoints)) < names.index(str(paths.output_data / "train.jsonl"))


def test_the_bundle_holds_every_archive_byte_for_byte(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    paths = channel(tmp_path, {"7/data.csv": history(), f"{name}/data.csv": history(seed=1)})

    train(paths, TrainSettings())
    train(paths, TrainSettings())

    bundle = dict(read_bundle(paths.model / "fleet-algo-1.sqlite"))
    assert bundle == {each: (paths.checkpoints / f"{each}.tar.gz").read_bytes() for each in ("7", name)}
    assert unpack(bundle["7"]).metadata["customer"] == "7"
    with sqlite3.connect(paths.model / "fleet-algo-1.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_an_archive_of_1000_readings_is_small(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": history(days=1000)})

    train(paths, TrainSettings())

    assert (paths.checkpoints / "7.tar.gz").stat().st_size <= 10_000
