"""A second job on the same folders fits what changed, and nothing else."""

from pathlib import Path

from tests.unit.jobs import history, ledger, tree
from train.program import train
from train.settings import TrainSettings


def test_a_restart_fits_only_what_is_new_or_changed_and_deletes_nothing(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"same/data.csv": history(), "changed/data.csv": history()})
    train(paths, TrainSettings())
    before = (paths.checkpoints / "same.tar.gz").stat().st_mtime_ns
    (paths.checkpoints / "another-host.tar.gz").write_bytes(b"not ours")
    tree(tmp_path, {"changed/data.csv": history(seed=1), "new/data.csv": history(seed=2)})

    train(paths, TrainSettings())

    assert {name: row["status"] for name, row in ledger(paths).items()} == {
        "same": "skipped",
        "changed": "ok",
        "new": "ok",
    }
    assert (paths.checkpoints / "same.tar.gz").stat().st_mtime_ns == before
    assert (paths.checkpoints / "another-host.tar.gz").read_bytes() == b"not ours"


def test_a_changed_hyperparameter_fits_every_customer_again(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    train(paths, TrainSettings())

    train(paths, TrainSettings(model={"n_changepoints": 3}))

    assert ledger(paths)["7"]["status"] == "ok"


def test_a_damaged_archive_is_fitted_again(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    train(paths, TrainSettings())
    whole = (paths.checkpoints / "7.tar.gz").read_bytes()
    (paths.checkpoints / "7.tar.gz").write_bytes(whole[:-9])

    train(paths, TrainSettings())

    assert ledger(paths)["7"]["status"] == "ok"
    assert (paths.checkpoints / "7.tar.gz").read_bytes() == whole
