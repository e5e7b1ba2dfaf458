"""Hyperparameters: how their texts are read, what an unknown one is answered, and what the help lists."""

import json
import re
from pathlib import Path

import pytest

from container import Paths
from fleetcast.errors import SettingError
from fleetcast.forecasting import FitOptions
from train import hyperparameters
from train.program import parser
from train.settings import TrainSettings
from train.tree_settings import TreeSettings


def settings(base: Path, values: object) -> TrainSettings:
    """Return the settings that a file with these hyperparameters gives."""
    paths = Paths(base)
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(values))
    return TrainSettings.from_files(paths)


def test_hyperparameters_are_texts_that_become_prophets_arguments(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        {
            "growth": "flat",
            "seasonality_mode": '"multiplicative"',
            "n-changepoints": "5",
            "yearly_seasonality": "False",
            "changepoint_prior_scale": "0.5",
            "max_failed_fraction": "0.25",
            "sagemaker_program": "x.py",
        },
    )

    assert read.max_failed_fraction == 0.25
    assert read.model == {
        "growth": "flat",
        "seasonality_mode": "multiplicative",
        "n_changepoints": 5,
        "yearly_seasonality": False,
        "changepoint_prior_scale": 0.5,
    }


def test_what_a_sagemaker_tuning_job_adds_is_no_hyperparameter_of_ours(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        {
            "_tuning_objective_metric": "mean_mase",
            "sagemaker_estimator_class_name": '"Estimator"',
            "changepoint_prior_scale": "0.012345678901234567",
            "n_changepoints": "17",
            "seasonality_mode": '"multiplicative"',
        },
    )

    assert read.model == {
        "changepoint_prior_scale": 0.012345678901234567,
        "n_changepoints": 17,
        "seasonality_mode": "multiplicative",
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("growht", "growth"),
        ("holdouts", "holdout"),
        ("n_changepoint", "n_changepoints"),
        ("regressor", "regressors"),
    ],
)
def test_an_error_suggests_the_hyperparameter_that_a_misspelt_one_may_mean(
    tmp_path: Path, name: str, meant: str
) -> None:
    with pytest.raises(SettingError, match=rf"unknown hyperparameter '{name}' \(did you mean {meant}\?\)"):
        settings(tmp_path, {name: "1"})


def test_an_unknown_hyperparameter_like_no_other_is_an_error_that_lists_all(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as error:
        settings(tmp_path, {"xyzzy": "1"})

    assert "did you mean" not in str(error.value)
    assert str(error.value).startswith("unknown hyperparameter 'xyzzy'; accepted are backtest_cutoffs, ")
    assert set(hyperparameters.NAMES) <= set(re.findall(r"\w+", str(error.value)))


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("max_failed_fraction", "2", "a number from 0 to 1"),
        ("customer_memory_mb", "511", "a whole number of at least 512"),
        ("customer_timeout_seconds", "0", "a whole number of at least 1"),
        ("non_negative", "perhaps", "true or false"),
        ("cap", "inf", "a finite number"),
        ("global_eta", "0", "a number from 0.001 to 1"),
        ("global_rounds", "1001", "a whole number from 1 to 1000"),
        ("global_max_depth", "9", "a whole number from 1 to 8"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_with_the_accepted_ones(
    tmp_path: Path, name: str, text: str, accepted: str
) -> None:
    with pytest.raises(SettingError, match=rf"{name} must be {accepted}, not '{text}'"):
        settings(tmp_path, {name: text})


def test_the_trees_of_a_global_model_are_fitted_as_the_hyperparameters_say(tmp_path: Path) -> None:
    texts = {"models": "auto", "global_eta": "0.1", "global_rounds": "100", "global_max_depth": "5"}

    assert settings(tmp_path, texts).methods.trees == TreeSettings(eta=0.1, rounds=100, max_depth=5)


def test_a_job_without_hyperparameters_has_the_declared_defaults(tmp_path: Path) -> None:
    read = settings(tmp_path, {})

    assert read.model == {}
    assert read.max_failed_fraction == hyperparameters.MAX_FAILED_FRACTION.default == 0.1
    assert read.customer_memory_bytes == 4096 * 1024 * 1024


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        (each.name, {"true": True, "false": False}.get(value, value))
        for each in hyperparameters.PROPHET
        for value in re.findall(r"`(\w+)`", each.accepted)
        if each.name not in ("holidays", "changepoints")
    ],
)
def test_the_values_that_the_reference_names_are_accepted(argument: str, value: object) -> None:
    FitOptions(**{argument: value})


def test_the_help_lists_every_hyperparameter_once() -> None:
    lines = parser().format_help().splitlines()

    assert [name for name in hyperparameters.NAMES if lines.count(f"  {name}") != 1] == []
