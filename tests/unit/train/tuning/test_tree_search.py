"""The search of trees: what a budget affords, and that a search goes on where it was."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fleetcast.errors import FilesystemError
from fleetcast.global_model import STACKED_FEATURES, TrainingRows
from fleetcast.global_model.features import AHEAD
from train.global_training import TreesStoppedError
from train.tuning.journal import Journal
from train.tuning.rounds import Round
from train.tuning.tree_rows import CustomerRows, TreeRows
from train.tuning.tree_search import TreeSearch, affordable, can_compare, sizes_of

CONFIGURATIONS = {
    0: {},
    1: {"global_rounds": "50"},
    2: {"global_rounds": "3"},
    3: {"global_rounds": "50", "global_max_depth": "2"},
}


def fleet(customers: int = 30, rows: int = 200) -> TreeRows:
    """Return customers whose target is the product of the signs of two features, which needs two splits."""

    def part(random: np.random.Generator) -> TrainingRows:
        x = random.normal(size=(rows, len(STACKED_FEATURES))).astype(np.float32)
        x[:, AHEAD] = 1
        target = np.sign(x[:, AHEAD + 1] * x[:, AHEAD + 2]) + 0.1 * random.normal(size=rows)
        return TrainingRows(x, target.astype(np.float32), np.arange(rows))

    seeds = [np.random.default_rng(i) for i in range(customers)]
    return TreeRows(tuple(CustomerRows(f"c{i}", part(r), part(r)) for i, r in enumerate(seeds)), date=rows)


def search(
    journal: Journal,
    rows: TreeRows,
    *,
    seconds: float = 1e9,
    is_stopped: Callable[[], bool] = lambda: False,
) -> TreeSearch:
    found = TreeSearch(
        rows=rows,
        texts={"global_rounds": "2"},
        configurations=CONFIGURATIONS,
        journal=journal,
        threads=2,
        seconds_until=seconds,
        is_stopped=is_stopped,
    )
    found.run()
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "tune.jsonl", "s", data_of=lambda _: "")


def test_the_trees_that_err_least_are_chosen(journal: Journal) -> None:
    found = search(journal, fleet())

    assert found.best == 1
    (tried,) = found.tried
    assert sorted(tried.configurations) == [0, 1, 2, 3]
    assert (tried.configurations[0], tried.configurations[-1]) == (1, 0)
    assert tried.customers == tuple(f"c{i}" for i in range(30))


def test_a_search_that_goes_on_fits_nothing_again_and_decides_the_same(
    journal: Journal, tmp_path: Path
) -> None:
    rows = fleet()
    first = search(journal, rows)
    path = tmp_path / "tune.jsonl"
    whole = path.read_bytes()

    again = search(Journal.open(path, "s", data_of=lambda _: ""), rows)
    assert (again.best, again.tried) == (first.best, first.tried)
    assert path.read_bytes() == whole

    for lines in (2, 3, 4):
        path.write_bytes(b"".join(whole.splitlines(keepends=True)[:lines]))
        again = search(Journal.open(path, "s", data_of=lambda _: ""), rows)
        assert (again.best, again.tried[-1].configurations) == (first.best, first.tried[-1].configurations)
        assert path.read_bytes().count(b"\n") == whole.count(b"\n")


def test_trees_of_other_rows_are_fitted_anew(journal: Journal) -> None:
    search(journal, fleet())
    search(journal, fleet(31))

    assert len(journal.trees) == 2
    assert [sorted(lines) for lines in journal.trees.values()] == [[0, 1, 2, 3]] * 2


def test_a_budget_that_is_used_up_keeps_the_trees_of_the_job(journal: Journal) -> None:
    found = search(journal, fleet(), seconds=0.0)

    assert (found.best, found.tried, journal.trees) == (0, [], {})


def test_a_stop_ends_the_search(journal: Journal) -> None:
    with pytest.raises(TreesStoppedError):
        search(journal, fleet(), is_stopped=lambda: True)


def test_a_full_disk_ends_the_search_with_its_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "tune.jsonl", _descriptor=os.open("/dev/full", os.O_WRONLY))

    with pytest.raises(FilesystemError, match="No space left"):
        search(journal, fleet())

    journal.close()


def test_rounds_have_a_third_of_the_customers_while_these_are_enough() -> None:
    assert sizes_of(fleet(30)) == [30]
    assert sizes_of(fleet(200, rows=200)) == [67, 200]
    assert sizes_of(fleet(20, rows=20_000 // 4)) == [20]  # a third would be fewer than 8 customers


@pytest.mark.parametrize("most", [1.0, 3.0, 10.0, 30.0])
def test_what_a_budget_affords_is_within_it(most: float) -> None:
    rounds = affordable(most, 48, [100, 300, 900])
    fits = sum((each.configurations + 1) * each.customers / 900 for each in rounds) - 1

    assert fits <= most
    assert bool(rounds) == (most > 2)


def test_a_large_budget_tries_all_configurations_and_none_affords_nothing() -> None:
    assert affordable(1e9, 48, [100, 300, 900]) == [Round(48, 100), Round(16, 300), Round(6, 900)]
    assert affordable(0.0, 48, [900]) == []


def test_few_rows_compare_nothing() -> None:
    assert can_compare(fleet())
    assert not can_compare(fleet(2))
