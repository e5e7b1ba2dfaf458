"""The program `tune`: what it writes, that `train` takes it, and that it can be stopped and killed."""

import json
import logging
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from container import Paths
from fleetcast.errors import InputError, SettingError
from testbed.ray_hosts import ray_hosts
from tests.unit.jobs import ledger, run_train, tree, write_config
from tests.unit.train.tuning import jobs
from train.tuning.program import tune


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, str]:
    """Return a fleet after an undisturbed search, and the log."""
    paths = jobs.fleet(tmp_path_factory.mktemp("tuned"), holdout="14D")
    code, log = jobs.run(paths)
    assert code == 0, log
    return paths, log


def decided(paths: Paths) -> dict[str, Any]:
    """Return the result without what no two runs have in common, the processor time."""
    return {name: value for name, value in jobs.result(paths).items() if name != "cpu_seconds"}


def test_a_search_finds_what_a_fleet_lacks(tuned: tuple[Paths, str]) -> None:
    paths, log = tuned
    found = jobs.result(paths)

    assert int(jobs.best(paths)["weekly_seasonality"]) > 3
    assert found["is_complete"]
    assert found["judged"]["gain"] > 0.05
    assert found["judged"]["customers"] == found["customers"] == jobs.CUSTOMERS
    assert found["effects"][0]["setting"] == "weekly_seasonality"
    assert "less error on readings that chose nothing" in log
    assert f"tune_customers={jobs.CUSTOMERS}; tune_gain=0." in log


def test_the_result_has_the_hyperparameters_of_the_job_without_those_of_the_search(
    tuned: tuple[Paths, str],
) -> None:
    paths, _ = tuned
    best = jobs.best(paths)

    assert best["holdout"] == "14D"
    assert not [name for name in best if name.startswith("tune_")]
    assert all(isinstance(text, str) for text in best.values())
    assert (paths.checkpoints / "best-hyperparameters.json").read_text() == (
        paths.model / "best-hyperparameters.json"
    ).read_text()


def test_train_takes_the_result_as_hyperparameters_or_in_the_channel_config(
    tuned: tuple[Paths, str], tmp_path: Path
) -> None:
    searched, _ = tuned
    text = (searched.model / "best-hyperparameters.json").read_text()
    files = {"00/data.csv": jobs.spiky(seed=0)}
    as_hyperparameters = tree(tmp_path / "a", files, **json.loads(text))
    in_channel = tree(tmp_path / "b", files, config={"best-hyperparameters.json": text})
    without = tree(tmp_path / "c", files, holdout="14D")

    for paths in (as_hyperparameters, in_channel, without):
        code, log = run_train(paths)
        assert code == 0, log

    archives = [(paths.checkpoints / "00.tar.gz").read_bytes() for paths in (as_hyperparameters, in_channel)]
    assert archives[0] == archives[1]
    errors = [ledger(paths)["00"]["holdout"]["mase"] for paths in (in_channel, without)]
    assert errors[0] < errors[1]


def test_the_report_names_configurations_settings_and_the_gain(tuned: tuple[Paths, str]) -> None:
    paths, _ = tuned
    page = (paths.output_data / "tune.html").read_text()

    assert "weekly_seasonality" in page
    assert "the fleet&#39;s configuration" in page
    assert "nothing: your settings" in page


def test_a_search_that_is_killed_goes_on_and_ends_as_an_undisturbed_one(
    tuned: tuple[Paths, str], tmp_path: Path
) -> None:
    undisturbed, _ = tuned
    paths = jobs.fleet(tmp_path, holdout="14D")
    journal = paths.checkpoints / "tune.jsonl"
    for lines in (3, 14, 22):
        process = jobs.start(paths)
        while process.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < lines):
            time.sleep(0.01)
        process.kill()
        process.communicate()

    code, log = jobs.run(paths)

    assert code == 0, log
    assert "evaluations" in log
    assert decided(paths) == decided(undisturbed)
    assert jobs.best(paths) == jobs.best(undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_search_writes_the_best_so_far_and_can_go_on(
    tuned: tuple[Paths, str], tmp_path: Path, number: int, code: int
) -> None:
    undisturbed, _ = tuned
    paths = jobs.fleet(tmp_path, holdout="14D")
    process = jobs.start(paths)
    while process.poll() is None and not (paths.checkpoints / "tune.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(number)
    _, log = process.communicate(timeout=60)

    assert process.returncode == code
    assert "stopped: the best so far is written" in log
    assert "Traceback" not in log
    assert jobs.best(paths)["holdout"] == "14D"
    assert not jobs.result(paths)["is_complete"]

    assert jobs.run(paths)[0] == 0
    assert decided(paths) == decided(undisturbed)


@pytest.mark.filterwarnings("default")
def test_a_search_on_a_ray_cluster_decides_as_on_this_machine(
    tuned: tuple[Paths, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, _ = tuned
    paths = jobs.fleet(tmp_path, holdout="14D", engine="ray")
    with ray_hosts(2) as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        code, log = jobs.run(paths)

    assert code == 0, log
    assert "engine ray: engine = ray" in log
    found, expected = decided(paths), decided(undisturbed)
    assert found == expected
    assert jobs.best(paths) == {**jobs.best(undisturbed), "engine": "ray"}


def test_a_search_that_has_ended_evaluates_nothing_again(tuned: tuple[Paths, str]) -> None:
    paths, _ = tuned
    before = (paths.checkpoints / "tune.jsonl").read_bytes()

    code, _ = jobs.run(paths)

    assert code == 0
    assert (paths.checkpoints / "tune.jsonl").read_bytes() == before


def test_a_tiny_budget_ends_the_search_with_the_settings_of_the_job(tmp_path: Path) -> None:
    paths = jobs.fleet(tmp_path, tune_cpu_seconds="1", tune_space='{"changepoint_range": [0.8, 0.9]}')
    config = json.loads((paths.config / "hyperparameters.json").read_text())
    for number in range(200):
        (paths.channels / "train" / f"more{number}.csv").write_text(jobs.spiky(seed=number, days=1_500))

    assert tune(paths) == 0

    found = jobs.result(paths)
    assert found["cpu_seconds"] < 5
    assert found["customers"] < 150
    assert (
        jobs.best(paths)
        == {name: text for name, text in config.items() if not name.startswith("tune_")}
        | found["best"]["changes"]
    )


def test_readings_after_the_last_cut_off_choose_nothing(tmp_path: Path) -> None:
    files = {f"{number:02}.csv": jobs.spiky(seed=number) for number in range(9)}
    other = {
        name: "".join(
            f"{line.split(',')[0]},{1000 * float(line.split(',')[1])}\n" if i >= 1 + 140 - 14 else f"{line}\n"
            for i, line in enumerate(text.splitlines())
        )
        for name, text in files.items()
    }
    chosen = []
    for folder, content in (("a", files), ("b", other)):
        paths = tree(tmp_path / folder, content, tune_configurations="6")
        assert tune(paths) == 0
        found = jobs.result(paths)
        chosen.append((found["configurations"], found["effects"]))

    assert chosen[0] == chosen[1]


def test_customers_that_cannot_be_backtested_are_left_out_with_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    paths = jobs.fleet(tmp_path, tune_configurations="2")
    (paths.channels / "train" / "short.csv").write_text("ds,y\n2025-01-01,1\n2025-01-02,2\n")
    (paths.channels / "train" / "broken.csv").write_text("ds,y\n2025-01-01,one\n")

    assert tune(paths) == 0

    assert jobs.result(paths)["customers_left_out"] == 2
    assert "2 customers took no part in the search; the first: 'broken': " in caplog.text
    page = (paths.output_data / "tune.html").read_text()
    assert "too few for two cut-offs" in page
    assert "broken" in page


def test_a_fleet_without_any_backtest_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"a.csv": "ds,y\n2025-01-01,1\n2025-01-02,2\n"})

    with pytest.raises(
        InputError, match=r"none of 1 customers can be backtested; the first: 'a': no backtest"
    ):
        tune(paths)


def test_logistic_growth_without_a_cap_is_refused_before_the_search(tmp_path: Path) -> None:
    files = {"0.csv": jobs.spiky(seed=0)}
    space = '{"growth": ["linear", "logistic"]}'

    with pytest.raises(SettingError, match="growth = logistic needs a cap"):
        tune(tree(tmp_path, files, tune_space=space))


def test_a_search_of_several_hosts_runs_on_one_of_them(tmp_path: Path) -> None:
    paths = jobs.fleet(tmp_path, customers=8, tune_configurations="1")
    write_config(paths, "resourceconfig", {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
    write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "FullyReplicated"}})

    assert tune(paths) == 0
    assert not paths.model.exists()

    write_config(paths, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    assert tune(paths) == 0
    assert jobs.result(paths)["customers"] == 8

    write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "ShardedByS3Key"}})
    with pytest.raises(InputError, match="use FullyReplicated, or a single host"):
        tune(paths)


def test_a_space_in_the_channel_config_is_searched_instead_of_the_default(tmp_path: Path) -> None:
    files = {f"{number}.csv": jobs.spiky(seed=number) for number in range(3)}
    space = '{"weekly_seasonality": ["auto", 10]}'
    paths = tree(tmp_path, files, config={"search-space.json": space}, weekly_seasonality="3")

    assert tune(paths) == 0

    found = jobs.result(paths)
    assert found["space"] == {"weekly_seasonality": "auto, 10"}
    assert [row["changes"] for row in found["configurations"] if row["configuration"]] == [
        {"weekly_seasonality": "10"},
        {"weekly_seasonality": "auto"},
    ]


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    files = {"0.csv": jobs.spiky(seed=0)}
    space = '{"weekly_seasonality": ["auto", 10]}'
    twice = tree(tmp_path / "a", files, config={"search-space.json": space}, tune_space=space)
    own = '[{"customer": "0", "growth": "flat"}]'
    with_own = tree(tmp_path / "b", files, config={"best-hyperparameters.json": own})

    with pytest.raises(
        SettingError, match=r"tune_space is a hyperparameter and the file config/search-space"
    ):
        tune(twice)
    with pytest.raises(SettingError, match="remove the rows with a customer"):
        tune(with_own)


def test_train_ignores_the_hyperparameters_of_a_search(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"0.csv": jobs.spiky(seed=0)}, tune_cpu_seconds="60", tune_per="customer")

    code, log = run_train(paths)

    assert code == 0, log
    assert "tune_" not in json.dumps(ledger(paths))
