"""A job as a whole, with real workers: what it writes, in which order, and when it fails."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from container import Paths
from fleetcast.archive import read_archive, read_bundle, unpack
from tests.unit.jobs import history, ledger, tree
from train.program import TrainingError, train
from train.settings import TrainSettings


def test_an_empty_channel_is_no_error(tmp_path: Path) -> None:
    paths = tree(tmp_path, {})
    (paths.channels / "train").mkdir(parents=True)

    train(paths, TrainSettings())

    assert list(paths.checkpoints.iterdir()) == []
    assert json.loads((paths.model / "summary.json").read_text())["customers_ok"] == 0


def test_a_bad_customer_fails_alone_and_the_ledger_has_the_reason(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"good/data.csv": history(), "bad/data.csv": "x", "none/notes.txt": history()})

    train(paths, TrainSettings(max_failed_fraction=0.9))

    rows = ledger(paths)
    assert {name: row["status"] for name, row in rows.items()} == {
        "bad": "failed",
        "good": "ok",
        "none": "failed",
    }
    assert "needs the columns" in rows["bad"]["reason"]
    assert rows["none"]["reason"] == "the folder has no data.csv or data.parquet"
    assert [path.name for path in paths.checkpoints.iterdir()] == ["good.tar.gz"]


def test_too_many_bad_customers_fail_the_job_after_the_good_ones_are_written(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"good/data.csv": history(), "bad/data.csv": "x"})

    with pytest.raises(TrainingError, match=r"1 of 2 customers failed, more than max_failed_fraction = 0\.1"):
        train(paths, TrainSettings())

    assert (paths.checkpoints / "good.tar.gz").is_file()


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for base in ("one", "two"):
        train(tree(tmp_path / base, {"7/data.csv": history()}), TrainSettings(model={"n_changepoints": 3}))

    one, two = (Paths(tmp_path / base).checkpoints / "7.tar.gz" for base in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert read_archive(one).metadata["hyperparameters"] == {"n_changepoints": 3}
    assert read_archive(one).metadata["rows"] == 40


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to tell files apart")
def test_every_archive_is_on_the_disk_before_its_name_and_all_names_before_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tree(tmp_path, {f"{customer}/data.csv": history(seed=customer) for customer in range(20)})
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
    paths = tree(tmp_path, {"7/data.csv": history(), f"{name}/data.csv": history(seed=1)})

    train(paths, TrainSettings())
    train(paths, TrainSettings())

    bundle = dict(read_bundle(paths.model / "fleet-algo-1.sqlite"))
    assert bundle == {each: (paths.checkpoints / f"{each}.tar.gz").read_bytes() for each in ("7", name)}
    assert unpack(bundle["7"]).metadata["customer"] == "7"
    with sqlite3.connect(paths.model / "fleet-algo-1.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_an_archive_of_1000_readings_is_small(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=1000)})

    train(paths, TrainSettings())

    assert (paths.checkpoints / "7.tar.gz").stat().st_size <= 10_000
