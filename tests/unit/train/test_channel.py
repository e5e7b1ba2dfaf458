"""Which files of a channel are read: no links, pipes, copies, hidden and unknown files."""

import logging
import os
from pathlib import Path

import pytest

from container import Paths
from fleetcast.errors import InputError
from tests.unit.jobs import history, ledger, tree
from train.channel import SKIPPED_LOGGED, find_customers
from train.program import train
from train.settings import TrainSettings

ALL_MAY_FAIL = TrainSettings(max_failed_fraction=1.0)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return tree(tmp_path / "ml", {"good/data.csv": history()})


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Make a file, and a folder with a history in it, outside the channel."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "data.csv").write_text(history())
    path = tmp_path / "secret"
    path.write_text("root:x:0:0:a secret\n")
    return path


def entry(paths: Paths, name: str) -> Path:
    path = paths.channels / "train" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.parametrize("name", ["x/data.csv", "x/data.parquet", "x.csv", "x.parquet"])
def test_a_link_in_place_of_a_file_is_not_followed(
    paths: Paths, secret: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry(paths, name).symlink_to(secret)

    train(paths, ALL_MAY_FAIL)

    row = ledger(paths)["x"]
    assert row["status"] == "failed"
    assert "is a link, and links are not followed" in row["reason"]
    assert ledger(paths)["good"]["status"] == "ok"
    assert "a secret" not in caplog.text + (paths.output_data / "train.jsonl").read_text()


def test_a_link_in_place_of_a_customers_folder_is_not_followed(paths: Paths, secret: Path) -> None:
    entry(paths, "x").symlink_to(secret.parent / "elsewhere")

    train(paths, ALL_MAY_FAIL)

    assert "x is a link" in ledger(paths)["x"]["reason"]


def test_a_link_to_nowhere_fails_that_customer_alone(paths: Paths) -> None:
    entry(paths, "x.csv").symlink_to("nowhere")

    train(paths, ALL_MAY_FAIL)

    assert {name: row["status"] for name, row in ledger(paths).items()} == {"x": "failed", "good": "ok"}


def test_the_channels_own_folder_may_be_a_link(tmp_path: Path, paths: Paths) -> None:
    (paths.channels / "train").rename(tmp_path / "moved")
    (paths.channels / "train").symlink_to(tmp_path / "moved")

    train(paths, TrainSettings())

    assert ledger(paths)["good"]["status"] == "ok"


@pytest.mark.parametrize("name", ["x/data.csv", "x.csv"])
def test_a_pipe_fails_at_once(paths: Paths, name: str) -> None:
    os.mkfifo(entry(paths, name))

    train(paths, ALL_MAY_FAIL)

    assert "is not a regular file" in ledger(paths)["x"]["reason"]


@pytest.mark.parametrize(
    "names",
    [
        ("data.csv", "data (1).csv"),
        ("data.csv", "data.parquet"),
        ("data.csv", "data copy.csv"),
        ("data.csv", "Copy of data.csv"),
        ("data.csv", "data - Copy.csv"),
        ("part-0.csv", "part-0 (2).csv"),
        ("part-0.csv", "part-0.parquet"),
        ("data.csv", "january.csv"),
        ("DATA.csv", "data.csv"),
    ],
)
def test_a_file_beside_its_copy_is_refused_and_both_are_named(paths: Paths, names: tuple[str, str]) -> None:
    for name in names:
        entry(paths, f"x/{name}").write_text(history())

    train(paths, ALL_MAY_FAIL)

    row = ledger(paths)["x"]
    assert row["status"] == "failed"
    assert all(name in row["reason"] for name in names)
    assert "keep one of them" in row["reason"]


@pytest.mark.parametrize(
    "names", [("part-0.csv", "part-1.csv"), ("2024.csv", "2025.csv"), ("a.csv", "b.csv")]
)
def test_parts_of_a_history_are_read_together(paths: Paths, names: tuple[str, str]) -> None:
    lines = history(days=60).splitlines(keepends=True)
    for name, part in zip(names, (lines[1:31], lines[31:]), strict=True):
        entry(paths, f"x/{name}").write_text(lines[0] + "".join(part))

    train(paths, TrainSettings())

    assert ledger(paths)["x"]["rows"] == 60


def test_hidden_and_unknown_files_are_skipped_with_a_log_line_each(
    paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in (".hidden.csv", "x/.ipynb_checkpoints/data.csv", "notes.txt", "x/data.xlsx", "x/DATA.CSV"):
        entry(paths, name).parent.mkdir(exist_ok=True)
        entry(paths, name).write_text(history())
    entry(paths, "x/data.csv").write_text(history())

    found = {customer.name: len(customer.files) for customer in find_customers(paths)}

    assert found == {"good": 1, "x": 1}
    for name in (".hidden.csv", ".ipynb_checkpoints", "notes.txt", "data.xlsx", "DATA.CSV"):
        assert sum(name in line and "is skipped" in line for line in caplog.messages) == 1


def test_many_unknown_files_are_counted(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(SKIPPED_LOGGED + 7):
        entry(paths, f"{number}.txt").write_text("")

    find_customers(paths)

    assert len(caplog.messages) == SKIPPED_LOGGED + 1
    assert "7 more are skipped" in caplog.messages[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_fails_that_customer_alone(paths: Paths) -> None:
    entry(paths, "x").mkdir(mode=0)

    train(paths, ALL_MAY_FAIL)

    assert "cannot be read" in ledger(paths)["x"]["reason"]


def test_a_channel_called_config_never_holds_readings(tmp_path: Path) -> None:
    paths = tree(tmp_path, {}, config={"holidays.csv": "ds,holiday\n2025-01-01,closed\n"})

    with pytest.raises(InputError, match="no channel"):
        find_customers(paths)


def test_a_customer_is_a_folder_or_a_file(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(), "8.csv": history(), ".hidden": "", "notes.txt": ""})
    (paths.channels / "train").rename(paths.channels / "anything")

    assert [customer.name for customer in find_customers(paths)] == ["7", "8"]


def test_a_customer_that_is_a_folder_and_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"customer '7' is in .* more than once"):
        find_customers(tree(tmp_path, {"7/data.csv": history(), "7.csv": history()}))


def test_without_a_channel_the_error_names_the_place_of_the_readings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no channel: put .*/<channel>/<customer>/data\.csv"):
        find_customers(Paths(tmp_path))
