"""The files of one customer: several parts, bad names, pipes, and how they are written."""

import os
from pathlib import Path

from container import Paths
from fleetcast.archive import read_archive
from tests.unit.jobs import HEADER, history, ledger, trained, tree
from train.program import train
from train.settings import TrainSettings


def test_several_files_of_a_customer_are_one_history_on_a_single_host(tmp_path: Path) -> None:
    text = history()
    lines = text.splitlines(keepends=True)
    files_of_7 = {"7/a.csv": HEADER + "".join(lines[21:]), "7/b.csv": "".join(lines[:21])}

    for base, files in (("parts", files_of_7), ("whole", {"7/data.csv": text})):
        train(tree(tmp_path / base, files), TrainSettings())

    models = [
        read_archive(Paths(tmp_path / base).checkpoints / "7.tar.gz").model for base in ("parts", "whole")
    ]
    assert models[0] == models[1]


def test_a_name_too_long_for_an_archive_fails_alone(tmp_path: Path) -> None:
    paths = tree(tmp_path, {f"{'é' * 125}/data.csv": history(), "7/data.csv": history()})

    train(paths, TrainSettings(max_failed_fraction=0.5))

    assert "name" in ledger(paths)["é" * 125]["reason"]
    assert ledger(paths)["7"]["status"] == "ok"


def test_a_pipe_in_place_of_a_file_fails_at_once(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    (paths.channels / "train" / "pipe").mkdir()
    os.mkfifo(paths.channels / "train" / "pipe" / "data.csv")

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["pipe"]["reason"] == "data.csv is not a regular file"


def test_the_options_of_the_reader_are_hyperparameters_as_an_sdk_writes_them(tmp_path: Path) -> None:
    rows = history().replace(",", ";").replace(".", ",")
    paths = tree(tmp_path, {"7/data.csv": rows}, delimiter='";"', decimal='","')

    assert trained(paths)["7"]["status"] == "ok"
    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["hyperparameters"]["decimal"] == ","
