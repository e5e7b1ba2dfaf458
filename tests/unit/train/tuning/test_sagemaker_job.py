"""SageMaker's tuning job over `train`: its hyperparameters are accepted, and its objective is in the log."""

import re
from pathlib import Path

import pytest

from examples.sagemaker._fleet import HYPERPARAMETERS, METRICS, OBJECTIVE, RANGES
from tests.unit.jobs import history, run_train, tree

FILES = {f"{number}.csv": history(days=90, seed=number) for number in range(3)}
ADDED = {"_tuning_objective_metric": OBJECTIVE, "sagemaker_estimator_class_name": '"Estimator"'}
"""What SageMaker and its SDK put among the hyperparameters."""


def sampled(end: str) -> dict[str, str]:
    """Return the searched hyperparameters as a training job of the tuning job gets them."""
    numbers = [*RANGES["ContinuousParameterRanges"], *RANGES["IntegerParameterRanges"]]
    values = {each["Name"]: each[end] for each in numbers}
    choices = {each["Name"]: f'"{each["Values"][-1]}"' for each in RANGES["CategoricalParameterRanges"]}
    return {name: str(value) for name, value in (values | choices).items()}


def metric(log: str, name: str) -> list[str]:
    """Return what SageMaker finds of a metric in a log."""
    return re.findall(METRICS[name], log)


@pytest.mark.parametrize("end", ["MinValue", "MaxValue"])
def test_the_objective_is_in_the_log_of_a_job_at_either_end_of_the_ranges(tmp_path: Path, end: str) -> None:
    code, log = run_train(tree(tmp_path, FILES, **{**HYPERPARAMETERS, **sampled(end), **ADDED}))

    assert code == 0, log
    assert [0 < float(value) < 100 for value in metric(log, OBJECTIVE)] == [True]


@pytest.mark.parametrize(
    "hyperparameters", [{"models": "auto"}, {"models": "prophet", "intervals": "calibrated"}]
)
@pytest.mark.parametrize("name", ["mean_backtest_mase", "mean_backtest_wape"])
def test_the_errors_of_backtests_are_objectives_where_there_are_backtests(
    tmp_path: Path, hyperparameters: dict[str, str], name: str
) -> None:
    code, log = run_train(tree(tmp_path, FILES, **hyperparameters, **ADDED))

    assert code == 0, log
    assert [0 < float(value) < 100 for value in metric(log, name)] == [True]


def test_two_configurations_have_different_objectives(tmp_path: Path) -> None:
    found = set()
    for end in ("MinValue", "MaxValue"):
        paths = tree(tmp_path / end, FILES, **{**HYPERPARAMETERS, **sampled(end)})
        found |= set(metric(run_train(paths)[1], OBJECTIVE))

    assert len(found) == 2
