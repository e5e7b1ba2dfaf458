"""The job of a refresh: every customer has an outcome, and nothing is lost on the way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, Archive, pack, unpack
from fleetcast.errors import InputError
from fleetcast.global_model import write_global_model
from tests.unit.fleetcast.global_model.fleets import plain_model
from tests.unit.jobs import trained, tree, write_config
from tests.unit.train.refresh.jobs import (
    HOUR,
    SEVERAL,
    WHOLE,
    N,
    bundle,
    csv,
    hourly,
    job,
    ledger,
    packed,
    put,
    refreshed,
)
from train.exit_codes import TrainingError
from train.refresh.job import run_refresh
from train.refresh.program import refresh
from train.settings import TrainSettings


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (csv(WHOLE[N:], N), "there are 96 steps of 'h' up to its last reading, and a refresh needs 336"),
        (csv(np.tile(WHOLE, 3), step=HOUR // 2), "every '30min' now, and its methods were chosen for 'h'"),
        ("a,b,c\n1,2,3\n", "a.csv needs the columns timestamp and consumption"),
    ],
)
def test_a_customer_that_cannot_be_refreshed_keeps_its_archive_and_is_named(
    tmp_path: Path, content: str, reason: str
) -> None:
    paths = job(tmp_path)
    once = packed(paths)
    put(paths, "a.csv", content)

    with pytest.raises(TrainingError, match="1 of 1 customers failed"):
        refresh(paths, TrainSettings.from_files(paths))

    row = ledger(paths)["a"]
    assert row["status"] == "kept"
    assert reason in row["reason"]
    assert packed(paths) == once
    assert bundle(paths)["a"] == once


def test_every_customer_has_an_outcome_and_every_archive_is_in_the_bundle(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abcd")}
    paths = tree(tmp_path, files, models=SEVERAL, max_failed_fraction="0.3")
    trained(paths)
    (paths.checkpoints / "c.tar.gz").write_bytes(b"damaged")
    shutil.rmtree(paths.channels / "train")
    (paths.channels / "train").mkdir()
    for seed, name in ((0, "a"), (2, "c"), (9, "new")):
        put(paths, f"{name}.csv", csv(hourly(seed=seed)))

    rows = refreshed(paths)

    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "refreshed",
        "b": "unchanged",
        "c": "failed",
        "d": "unchanged",
        "new": "new",
    }
    assert rows["b"]["reason"] == "the channel has no readings of it"
    for name in "abd":
        assert bundle(paths)[name] == packed(paths, name)
    figures = json.loads((paths.model / "summary.json").read_text())
    assert figures["customers_refreshed"] == 1
    assert figures["customers_unchanged"] == 2


def test_a_stopped_job_loses_no_customer_and_the_same_command_goes_on(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abcd")}
    paths = tree(tmp_path, files, models=SEVERAL)
    trained(paths)
    old = {name: packed(paths, name) for name in "abcd"}
    for seed, name in enumerate("abcd"):
        put(paths, f"{name}.csv", csv(hourly(seed=seed)))
    answers = iter([False, False])

    result = run_refresh(paths, TrainSettings.from_files(paths), stopped=lambda: next(answers, True))

    assert not result.is_complete
    assert bundle(paths) == {name: packed(paths, name) for name in "abcd"}
    done = {name for name in "abcd" if packed(paths, name) != old[name]}
    assert done == {name for name, row in ledger(paths).items() if row["status"] == "refreshed"}
    rows = refreshed(paths)
    assert {name for name, row in rows.items() if row["status"] == "unchanged"} == done
    assert all(packed(paths, name) != old[name] for name in "abcd")


def test_archives_may_come_from_a_channel_of_their_own(tmp_path: Path) -> None:
    paths = tree(tmp_path, {name: csv(WHOLE[:N]) for name in ("a.csv", "b.csv")}, models=SEVERAL)
    trained(paths)
    shutil.move(paths.checkpoints, paths.channels / "archives")
    old = (paths.channels / "archives" / "a.tar.gz").read_bytes()
    put(paths, "a.csv", csv(WHOLE))

    content = pack(Archive(write_global_model(plain_model()), {"customer": GLOBAL_NAME, "freq": "h"}))
    (paths.channels / "archives" / f"{GLOBAL_NAME}.tar.gz").write_bytes(content)

    rows = refreshed(paths)

    assert packed(paths, GLOBAL_NAME) == bundle(paths)[GLOBAL_NAME] == content
    assert [rows[name]["status"] for name in "ab"] == ["refreshed", "unchanged"]
    assert (paths.channels / "archives" / "a.tar.gz").read_bytes() == old
    assert packed(paths) != old
    assert packed(paths, "b") == (paths.channels / "archives" / "b.tar.gz").read_bytes()


def test_hosts_share_the_customers_and_write_what_one_host_writes(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abc")}
    one = tree(tmp_path / "one", files, models=SEVERAL)
    trained(one)
    put(one, "a.csv", csv(hourly(seed=0)))
    put(one, "c.csv", csv(hourly(seed=2)))
    (one.channels / "train" / "b.csv").unlink()
    two = Paths(tmp_path / "two")
    shutil.copytree(one.base, two.base)

    refreshed(one)
    for host in ("algo-1", "algo-2"):
        config = {"current_host": host, "hosts": ["algo-1", "algo-2"]}
        write_config(two, "resourceconfig", config)
        refreshed(two)

    for name in "abc":
        assert packed(two, name) == packed(one, name)
    assert {path.name for path in two.model.glob("fleet-*")} == {
        "fleet-algo-1.sqlite",
        "fleet-algo-2.sqlite",
    }


def test_an_archive_of_another_maker_is_kept(tmp_path: Path) -> None:
    paths = job(tmp_path, max_failed_fraction="1")
    archive = unpack(packed(paths))
    changed = {"customer": "other", **{k: v for k, v in archive.metadata.items() if k != "customer"}}
    (paths.checkpoints / "a.tar.gz").write_bytes(pack(Archive(archive.model, changed)))
    put(paths, "a.csv", csv(WHOLE))

    row = refreshed(paths)["a"]

    assert row["status"] == "kept"
    assert "train did not write it for this customer" in row["reason"]


def test_the_model_of_all_customers_stays_and_is_in_the_bundle(tmp_path: Path) -> None:
    paths = job(tmp_path)
    content = pack(Archive(write_global_model(plain_model()), {"customer": GLOBAL_NAME, "freq": "h"}))
    (paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").write_bytes(content)
    put(paths, "a.csv", csv(WHOLE))

    rows = refreshed(paths)

    assert {name: row["status"] for name, row in rows.items()} == {"a": "refreshed"}
    assert bundle(paths)[GLOBAL_NAME] == content


def test_a_tree_without_archives_is_refused(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"a.csv": csv(WHOLE)})

    with pytest.raises(InputError, match="no archive"):
        refresh(paths, TrainSettings.from_files(paths))


def test_archives_that_are_sharded_are_refused(tmp_path: Path) -> None:
    paths = job(tmp_path)
    shutil.move(paths.checkpoints, paths.channels / "archives")
    write_config(paths, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    write_config(paths, "inputdataconfig", {"archives": {"S3DistributionType": "ShardedByS3Key"}})

    with pytest.raises(InputError, match="FullyReplicated"):
        refresh(paths, TrainSettings.from_files(paths))
