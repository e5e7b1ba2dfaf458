"""`best-hyperparameters.json` in the channel `config`: for all customers, and for single ones."""

import json
from pathlib import Path

import pytest

from fleetcast.archive import read_archive
from fleetcast.errors import InputError, SettingError
from tests.unit.jobs import archives, history, ledger, run_train, trained, tree
from train.settings import TrainSettings

FILES = {"A.csv": history(), "B.csv": history(seed=1)}
NAME = "best-hyperparameters.json"


def test_an_object_is_the_same_as_hyperparameters(tmp_path: Path) -> None:
    texts = {"changepoint_prior_scale": "0.5", "holdout": "7D", "weekly_seasonality": "5"}
    in_channel = tree(tmp_path / "a", FILES, config={NAME: json.dumps(texts)})
    as_hyperparameters = tree(tmp_path / "b", FILES, **texts)

    assert trained(in_channel)["A"]["holdout"] == trained(as_hyperparameters)["A"]["holdout"]
    assert archives(in_channel) == archives(as_hyperparameters)


def test_a_row_with_a_customer_is_for_that_customer_alone(tmp_path: Path) -> None:
    rows = [{"changepoint_prior_scale": "0.5"}, {"customer": "B", "growth": "flat", "n_changepoints": 7}]
    paths = tree(tmp_path, FILES, config={NAME: json.dumps(rows)})

    assert {row["status"] for row in trained(paths).values()} == {"ok"}

    own = {
        name: read_archive(paths.checkpoints / f"{name}.tar.gz").metadata["hyperparameters"] for name in "AB"
    }
    assert own["A"] == {"changepoint_prior_scale": 0.5}
    assert own["B"] == {"changepoint_prior_scale": 0.5, "growth": "flat", "n_changepoints": 7}


def test_a_changed_row_refits_only_its_customer(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={NAME: '[{"customer": "B", "growth": "flat"}]'})
    trained(paths)
    (paths.channels / "config" / NAME).write_text('[{"customer": "B", "growth": "linear"}]')

    assert {name: row["status"] for name, row in trained(paths).items()} == {"A": "skipped", "B": "ok"}


def test_the_same_value_twice_is_no_contradiction_and_another_is(tmp_path: Path) -> None:
    file = {NAME: '{"growth": "flat", "n_changepoints": "5"}'}
    settings = TrainSettings.from_files(tree(tmp_path / "a", FILES, config=file, growth="flat"))

    assert settings.model == {"growth": "flat", "n_changepoints": 5}
    with pytest.raises(
        SettingError, match=r"growth is 'linear' in hyperparameters.json and 'flat' in config/"
    ):
        TrainSettings.from_files(tree(tmp_path / "b", FILES, config=file, growth="linear"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("growth", "config/best-hyperparameters.json is not JSON"),
        ("[" * 100_000, "config/best-hyperparameters.json is not JSON"),
        ("7", "config/best-hyperparameters.json must be an object such as"),
        ('["growth"]', "row 1 must be an object such as"),
        ('[{"customer": 7}]', "row 1: customer must be a text, not '7'"),
        ('[{"customer": "A"}, {"customer": "A"}]', "row 2: there is an earlier row for customer 'A'"),
        ("[{}, {}]", "row 2: there is an earlier row for all customers"),
        ('[{"customer": "A", "holdout": "7D"}]', "row 1: 'holdout' cannot be one customer's own; accepted"),
        ('[{"customer": "A", "holidays": "[]"}]', "row 1: 'holidays' cannot be one customer's own"),
        (
            '[{"customer": "A", "growth": "cubic"}]',
            "row 1: growth must be one of 'linear', 'flat', 'logistic'",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        TrainSettings.from_files(tree(tmp_path, FILES, config={NAME: content}))

    assert reason in str(refused.value)


def test_an_unknown_hyperparameter_for_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="unknown hyperparameter 'growht'"):
        TrainSettings.from_files(tree(tmp_path, FILES, config={NAME: '{"growht": "flat"}'}))


def test_rows_of_absent_customers_are_logged_and_stop_nobody(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={NAME: '[{"customer": "gone", "growth": "flat"}]'})

    code, log = run_train(paths)

    assert code == 0
    assert "rows of 1 customers that are not among this host's: 'gone'" in log
    assert len(ledger(paths)) == 2
