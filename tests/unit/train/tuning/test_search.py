"""What a search decides from what is in its journal, which these tests fill: it evaluates nothing itself."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetcast.archive import read_archive
from tests.unit.jobs import history, run_train, tree
from tests.unit.train.tuning import jobs
from train.customer import Backtested, digest_of_files
from train.tuning.journal import Journal
from train.tuning.program import tune
from train.tuning.settings import TuneSettings

NAMES = [f"c{number:02}" for number in range(12)]
FILES = {f"{name}.csv": history(days=60, seed=number) for number, name in enumerate(NAMES)}
SPACE = '{"growth": ["flat"], "changepoint_range": [0.9]}'

Errors = Mapping[str, float]
"""Errors by growth: `linear` is that of the job, and configurations that change something else err more."""


def decided(
    base: Path, chosen_by: Callable[[str], Errors], judged_by: Callable[[str], Errors], **more: str
) -> jobs.Paths:
    """Search with a journal that has the error of each customer; return the folders."""
    paths = tree(base, FILES, tune_space=SPACE, **more)
    settings = TuneSettings.from_files(paths)
    space = settings.space([], has_global=False)
    configurations = settings.configurations(space)
    paths.checkpoints.mkdir()
    journal = Journal.open(
        paths.checkpoints / "tune.jsonl", settings.search_digest(space), data_of=lambda _: ""
    )
    for name in NAMES:
        data = digest_of_files([FILES[f"{name}.csv"].encode()])
        for number, changed in configurations.items():
            growth = changed.get("growth", "linear")
            extra = 3.0 if "changepoint_range" in changed else 1.0
            error = chosen_by(name)[growth] * extra
            choosing = Backtested(
                customer=name, data=data, errors={number: [error, error * 1.1, error * 0.9]}
            )
            journal.add(choosing)
            judging = Backtested(customer=name, data=data, errors={number: [judged_by(name)[growth] * extra]})
            journal.add(judging, judges=True)
    journal.close()
    written = (paths.checkpoints / "tune.jsonl").read_bytes()

    assert tune(paths) == 0

    assert (paths.checkpoints / "tune.jsonl").read_bytes() == written
    return paths


def flat_is_better(_: str) -> Errors:
    return {"linear": 1.0, "flat": 0.5}


def flat_is_worse(_: str) -> Errors:
    return {"linear": 1.0, "flat": 1.5}


def half_differ(name: str) -> Errors:
    return {"linear": 1.0, "flat": 0.3 if name in NAMES[::3] else 1.6}


def test_a_choice_that_is_better_on_the_last_readings_is_used(tmp_path: Path) -> None:
    paths = decided(tmp_path, flat_is_better, flat_is_better)

    assert jobs.best(paths) == {"growth": "flat"}
    assert jobs.result(paths)["judged"]["gain"] == 0.5


def test_a_choice_that_is_worse_on_the_last_readings_is_not_used(tmp_path: Path) -> None:
    paths = decided(tmp_path, flat_is_better, flat_is_worse)

    assert jobs.best(paths) == {}
    assert jobs.result(paths)["judged"]["gain"] == -0.5
    assert not jobs.result(paths)["judged"]["is_used"]
    assert "worse, so not used" in (paths.output_data / "tune.html").read_text()


def test_customers_that_differ_get_settings_of_their_own_which_train_takes(tmp_path: Path) -> None:
    paths = decided(tmp_path / "a", half_differ, half_differ, tune_per="customer")
    for_all, *own = jobs.best(paths)

    assert for_all == {}
    assert own == [{"customer": name, "growth": "flat"} for name in NAMES[::3]]
    assert jobs.result(paths)["own"]["judged"]["gain"] > 0.6
    text = json.dumps([for_all, *own])
    trained = tree(tmp_path / "b", FILES, config={"best-hyperparameters.json": text})
    code, log = run_train(trained)
    assert code == 0, log
    for name in NAMES:
        settings = read_archive(trained.checkpoints / f"{name}.tar.gz").metadata["hyperparameters"]
        assert settings == ({"growth": "flat"} if name in NAMES[::3] else {})


def test_own_settings_that_are_worse_on_the_last_readings_are_not_used(tmp_path: Path) -> None:
    paths = decided(tmp_path, half_differ, flat_is_worse, tune_per="customer")

    assert jobs.best(paths) == {}
    assert jobs.result(paths)["own"]["customers"] == 0
    assert not jobs.result(paths)["own"]["judged"]["is_used"]


def test_a_customer_of_its_own_undoes_what_only_the_fleet_changes(tmp_path: Path) -> None:
    def most_prefer_flat(name: str) -> Errors:
        return {"linear": 1.0, "flat": 3.0 if name in NAMES[::4] else 0.2}

    paths = decided(tmp_path, most_prefer_flat, most_prefer_flat, tune_per="customer")

    for_all, *own = jobs.best(paths)
    assert for_all == {"growth": "flat"}
    assert own == [{"customer": name, "growth": "linear"} for name in NAMES[::4]]
