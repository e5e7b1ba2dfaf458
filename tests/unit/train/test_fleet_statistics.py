"""The fleet's statistics: what a job writes, what another job makes of it, and files that are refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from container import Host, Paths
from fleetcast.archive import read_archive
from fleetcast.errors import FleetcastError, InputError, SettingError
from fleetcast.forecasting import Model, loads
from tests.unit.jobs import archives, history, run_train, trained, tree, write_config
from train.fleet_statistics import MOST_BYTES
from train.program import train
from train.settings import TrainSettings

AUTO = {"models": "auto", "intervals": "calibrated"}
FILES = {f"{number}/data.csv": history(days=100, seed=number) for number in range(9)}
SHORT = {"new/data.csv": history(days=12, seed=20), "longer/data.csv": history(days=45, seed=21)}


def statistics(paths: Paths, host: str = "algo-1") -> bytes:
    return (paths.checkpoints / "fleet" / f"{host}.json").read_bytes()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a job with nine customers."""
    paths = tree(tmp_path_factory.mktemp("fleet"), FILES, **AUTO)
    trained(paths)
    return paths.checkpoints / "fleet" / "algo-1.json"


def with_file(base: Path, content: bytes, name: str = "algo-1.json", **more: str) -> Paths:
    """Return the folders of a job that uses a file with this content."""
    paths = tree(base, SHORT, **(AUTO | {"fleet_statistics": "fleet"} | more))
    (paths.channels / "fleet").mkdir()
    (paths.channels / "fleet" / name).write_bytes(content)
    return paths


def changed(content: bytes, **values: Any) -> bytes:
    return json.dumps(json.loads(content) | values).encode()


def test_the_file_has_what_the_backtests_say_by_frequency(written: Path) -> None:
    content = json.loads(written.read_text())

    assert content["models"] == "auto"
    assert content["hosts"] == ["algo-1"]
    assert list(content["frequencies"]) == ["D"]
    daily = content["frequencies"]["D"]
    assert daily["customers"] == 9
    assert daily["methods"]["seasonal_naive"] == {"customers": 9, "log_error": 0.0}
    assert len(daily["lower"]) == len(content["coverages"])


def test_a_job_that_compares_nothing_writes_no_file(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"1/data.csv": history()})
    trained(paths)

    assert not (paths.checkpoints / "fleet").exists()


def test_workers_and_restarts_change_no_byte_of_the_file(tmp_path: Path, written: Path) -> None:
    one = tree(tmp_path / "one", FILES, **AUTO)
    train(one, replace(TrainSettings.from_files(one), workers=1))
    stopped = tree(tmp_path / "stopped", FILES, **AUTO)
    trained(stopped)
    for name in ("3", "5"):
        (stopped.checkpoints / f"{name}.tar.gz").unlink()
    shutil.rmtree(stopped.checkpoints / "fleet")
    statuses = {row["status"] for row in trained(stopped).values()}

    assert statuses == {"ok", "skipped"}
    assert statistics(one) == written.read_bytes()
    assert statistics(stopped) == written.read_bytes()


def test_the_files_of_two_hosts_are_worth_that_of_one(tmp_path: Path, written: Path) -> None:
    one = with_file(tmp_path / "one", written.read_bytes())
    two = tree(tmp_path / "two", SHORT, **(AUTO | {"fleet_statistics": "fleet"}))
    (two.channels / "fleet").mkdir()
    for host in ("algo-1", "algo-2"):
        paths = tree(tmp_path / host, FILES, **AUTO)
        write_config(paths, "resourceconfig", {"current_host": host, "hosts": ["algo-2", "algo-1"]})
        write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "FullyReplicated"}})
        trained(paths)
        assert statistics(paths, host) != written.read_bytes()
        (two.channels / "fleet" / f"{host}.json").write_bytes(statistics(paths, host))
    trained(one)
    trained(two)

    assert archives(one) == archives(two)


def test_a_customer_without_a_backtest_forecasts_as_the_fleet_does(tmp_path: Path, written: Path) -> None:
    paths = with_file(tmp_path, written.read_bytes())
    row = trained(paths)["new"]
    archive = read_archive(paths.checkpoints / "new.tar.gz")
    model = loads(archive.model)

    assert isinstance(model, Model)
    assert model.combination is not None
    assert model.combination.correction is not None
    assert model.combination.calibration is not None
    assert archive.metadata["opens_in_prophet"] == "base only"
    assert len(archive.metadata["hyperparameters"]["fleet_statistics"]) == 64
    assert any("least in the fleet" in sentence for sentence in row["warnings"])
    assert {"backtest", "members"}.isdisjoint(row)


def test_a_customer_with_backtests_keeps_its_weights(tmp_path: Path, written: Path) -> None:
    own = tree(tmp_path / "own", SHORT, **AUTO)
    with_fleet = with_file(tmp_path / "fleet", written.read_bytes())
    mine, theirs = trained(own)["longer"], trained(with_fleet)["longer"]

    assert theirs["members"] == mine["members"]
    assert theirs["backtest"] == mine["backtest"]
    assert archives(own)["longer.tar.gz"] != archives(with_fleet)["longer.tar.gz"]


def test_statistics_of_a_job_do_not_depend_on_those_that_it_used(tmp_path: Path, written: Path) -> None:
    own = tree(tmp_path / "own", SHORT, **AUTO)
    with_fleet = with_file(tmp_path / "fleet", written.read_bytes())
    trained(own)
    trained(with_fleet)

    assert statistics(own) == statistics(with_fleet)


def test_the_same_file_skips_what_is_done_and_another_one_fits_it_again(
    tmp_path: Path, written: Path
) -> None:
    paths = with_file(tmp_path, written.read_bytes())
    first, again = trained(paths)["new"]["status"], trained(paths)["new"]["status"]
    other = json.loads(written.read_text())
    other["frequencies"]["D"]["log_size"] += 0.1
    (paths.channels / "fleet" / "algo-1.json").write_text(json.dumps(other))
    changed_file = trained(paths)["new"]["status"]

    assert (first, again, changed_file) == ("ok", "skipped", "ok")


def test_a_fleet_of_few_customers_changes_nothing(
    tmp_path: Path, written: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = json.loads(written.read_text())
    few["frequencies"]["D"]["customers"] = 7
    paths = with_file(tmp_path, json.dumps(few).encode())
    own = tree(tmp_path / "own", SHORT, **AUTO)

    assert trained(paths)["new"]["warnings"] == trained(own)["new"]["warnings"]
    assert "no frequency has 8 customers" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged or no file of a fleet's statistics"),
        (b"\xff\xfe", "is damaged or no file of a fleet's statistics"),
        (b"[" * 100_000, "is damaged or no file of a fleet's statistics"),
        (b'{"customers": 3}', "missing required field `format_version`"),
        (b'{"format_version": 2}', "has format_version 2, but this version of Fleetcast reads 1"),
        (b" " * (MOST_BYTES + 1), "more than"),
    ],
)
def test_a_file_that_train_did_not_write_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    paths = with_file(tmp_path, content)

    with pytest.raises(InputError, match=reason) as error:
        TrainSettings.from_files(paths)

    assert str(error.value).startswith("fleet/algo-1.json")


def test_values_out_of_bounds_are_refused(tmp_path: Path, written: Path) -> None:
    content = written.read_text()
    daily = json.loads(content)["frequencies"]["D"]
    wrong: list[dict[str, Any]] = [
        {"customers": 0},
        {"customers": True},
        {"log_size": 1e9},
        {"lower": daily["lower"][1:]},
        {"upper": [-1.0, *daily["upper"][1:]]},
        {"naive_customers": [1] * 8},
        {"naive_log_sizes": [*daily["naive_log_sizes"], 0.0]},
        {"methods": {"oracle": {"customers": 9, "log_error": 0.0}}},
        {"unknown": 1},
    ]
    for number, each in enumerate(wrong):
        frequencies = {"D": daily | each}
        paths = with_file(tmp_path / str(number), changed(content.encode(), frequencies=frequencies))
        with pytest.raises(InputError, match=r"fleet/algo-1\.json"):
            TrainSettings.from_files(paths)


def test_the_job_of_the_file_must_have_compared_the_same(tmp_path: Path, written: Path) -> None:
    for number, more in enumerate(({"models": "champion"}, {"backtest_horizon": "7"})):
        paths = with_file(tmp_path / str(number), written.read_bytes(), **more)
        with pytest.raises(SettingError, match="is of a job with models = 'auto' and backtest_horizon = 0"):
            TrainSettings.from_files(paths)


def test_every_host_of_one_job_must_have_its_file_there(tmp_path: Path, written: Path) -> None:
    content = written.read_bytes()
    missing = with_file(tmp_path / "missing", changed(content, hosts=["algo-1", "algo-2"]))
    twice = with_file(tmp_path / "twice", content)
    (twice.channels / "fleet" / "copy.json").write_bytes(content)
    mixed = with_file(tmp_path / "mixed", content)
    other = changed(content, host="algo-2", hosts=["algo-1", "algo-2"])
    (mixed.channels / "fleet" / "algo-2.json").write_bytes(other)

    for paths, reason in (
        (missing, "has 0 files of the host 'algo-2'"),
        (twice, "has 2 files of the host 'algo-1'"),
        (mixed, "are of different jobs"),
    ):
        with pytest.raises(InputError, match=reason):
            TrainSettings.from_files(paths)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config", "must be the name of a channel of its own"),
        ("train", "must be the name of a channel of its own"),
        ("../train", "must be the name of a channel of its own"),
        ("..", "must be the name of a channel of its own"),
        ("other", "which the job does not have"),
        ("empty", "has no file"),
        ("foreign", r"foreign/notes\.txt is no file of a fleet's statistics"),
    ],
)
def test_the_channel_must_be_there_and_hold_nothing_else(tmp_path: Path, name: str, reason: str) -> None:
    paths = tree(tmp_path, SHORT, **(AUTO | {"fleet_statistics": name}))
    (paths.channels / "empty").mkdir()
    (paths.channels / "foreign").mkdir()
    (paths.channels / "foreign" / "notes.txt").write_text("")

    with pytest.raises(FleetcastError, match=reason):
        TrainSettings.from_files(paths)


def test_a_sharded_channel_and_a_job_that_compares_nothing_are_refused(tmp_path: Path, written: Path) -> None:
    sharded = with_file(tmp_path / "sharded", written.read_bytes())
    write_config(sharded, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    write_config(sharded, "inputdataconfig", {"fleet": {"S3DistributionType": "ShardedByS3Key"}})
    plain = with_file(tmp_path / "plain", written.read_bytes(), models="prophet", intervals="prophet")

    with pytest.raises(InputError, match="must be FullyReplicated"):
        TrainSettings.from_files(sharded, Host.from_files(sharded))
    with pytest.raises(SettingError, match="needs a comparison of methods"):
        TrainSettings.from_files(plain)


def test_the_program_ends_with_the_reason_before_it_writes_anything(tmp_path: Path) -> None:
    paths = with_file(tmp_path, b"{}")
    code, log = run_train(paths)

    assert code == 1
    assert "fleet/algo-1.json is damaged" in log
    assert "fleet/algo-1.json is damaged" in paths.failure.read_text()
    assert not paths.checkpoints.exists()


def test_the_channel_of_the_statistics_holds_no_customers(tmp_path: Path, written: Path) -> None:
    paths = with_file(tmp_path, written.read_bytes())
    (paths.channels / "train").rename(paths.channels / "meters")

    assert trained(paths).keys() == {"new", "longer"}
