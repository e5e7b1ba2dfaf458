"""What a job remembers of backtests: exact, bounded, and the same in whatever order customers are done."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Host
from tests.unit.jobs import history, tree
from train.comparison import MOST_WORST, Comparison, Mean
from train.job import run_job
from train.settings import TrainSettings


def backtested(combined: float, naive: float | None, **weights: float) -> dict[str, Any]:
    """Return a customer's metrics, as the ledger has them."""
    errors = {"prophet": 2.0, "median": 3.0, "combined": combined}
    return {
        "backtest": errors | ({"seasonal_naive": naive} if naive is not None else {}),
        "members": weights,
        "backtest_wape": combined / 10,
        "backtest_coverage": {"50": 0.5, "80": 0.9},
    }


def filled(metrics: dict[str, dict[str, Any]]) -> Comparison:
    comparison = Comparison()
    for name, each in metrics.items():
        comparison.add(name, each, 100, "")
    return comparison


FLEET = {
    "better": backtested(0.5, 1.0, prophet=0.6, median=0.4),
    "worse": backtested(3.0, 1.0, prophet=0.2, median=0.8),
    "equal": backtested(1.0, 1.0, prophet=0.5, median=0.5),
    "without naive": backtested(0.7, None, prophet=1.0),
    "not compared": {"in_sample": {"mase": 0.1}},
}


def test_wins_and_losses_against_the_naive_forecast_are_counted() -> None:
    comparison = filled(FLEET)

    assert comparison.customers == 4
    assert (comparison.better, comparison.equal) == (1, 1)
    assert comparison.share_beating_naive == pytest.approx(1 / 3, abs=1e-6)
    assert comparison.ratios == {10: 1, 40: 1, 20: 1}
    assert comparison.error.value == 1.3
    assert comparison.error_beside_naive.value == 1.5
    assert comparison.naive_error.value == 1.0
    assert comparison.wape.value == 0.13
    assert {probability: mean.value for probability, mean in comparison.coverage.items()} == {
        0.5: 0.5,
        0.8: 0.9,
    }


def test_a_method_wins_where_none_has_a_greater_weight() -> None:
    methods = filled(FLEET).methods

    assert (methods["prophet"].wins, methods["median"].wins) == (3, 2)
    assert methods["prophet"].weight.over(4) == pytest.approx((0.6 + 0.2 + 0.5 + 1) / 4)
    assert methods["median"].weight.over(4) == pytest.approx((0.4 + 0.8 + 0.5) / 4)
    assert methods["median"].error.value == 3.0
    assert methods["seasonal_naive"].wins == 0
    assert methods["seasonal_naive"].error.count == 3


def test_the_model_of_all_customers_is_a_method_too() -> None:
    methods = filled(
        {"7": backtested(1.0, 2.0, median=0.3) | {"members": {"median": 0.3, "global": 0.7}}}
    ).methods

    assert (methods["global"].wins, methods["median"].wins) == (1, 0)
    assert methods["global"].weight.value == 0.7


def test_the_worst_customers_come_first() -> None:
    worst = filled(FLEET).worst

    assert [each.name for each in worst] == ["worse", "equal", "better"]
    assert worst[0].ratio == 3.0
    assert worst[0].prophet == 2.0


def test_the_order_of_the_customers_changes_nothing_and_the_worst_of_many_are_remembered() -> None:
    generator = np.random.default_rng(0)
    errors = generator.uniform(0, 2, 500).round(1).tolist()  # with ties
    fleet = {f"c{number}": backtested(error, 1.0, prophet=0.1) for number, error in enumerate(errors)}
    names = generator.permutation(list(fleet)).tolist()

    first, second = filled(fleet), filled({name: fleet[name] for name in names})

    assert first.error == second.error
    assert first.worst == second.worst
    assert len(first.worst) == MOST_WORST
    expected = sorted(fleet, key=lambda name: (-fleet[name]["backtest"]["combined"], name))
    assert [each.name for each in first.worst] == expected[:MOST_WORST]
    assert len(first._worst) <= 2 * MOST_WORST  # noqa: SLF001 - the bound on memory


def test_an_exact_naive_forecast_cannot_be_beaten_and_one_without_value_is_left_out() -> None:
    comparison = filled(
        {
            "tie": backtested(0.0, 0.0),
            "lost": backtested(0.1, 0.0),
            "unknown": backtested(math.nan, 1.0),
            "endless": backtested(math.inf, 1.0),
        }
    )

    assert (comparison.better, comparison.equal) == (0, 1)
    assert [each.name for each in comparison.worst] == ["endless", "lost", "tie"]
    assert comparison.ratios == {40: 2, 20: 1}
    assert comparison.error.value == 0.05


def test_a_mean_is_exact_and_leaves_out_what_is_no_number() -> None:
    mean = Mean()
    for number in (0.1,) * 10 + (None, math.nan, math.inf, 1e308):
        mean.add(number)

    assert mean.value == 0.1
    assert mean.over(20) == 0.05
    assert Mean().value is None


def test_customers_that_a_restart_skips_count_as_in_the_job_that_fitted_them(tmp_path: Path) -> None:
    files = {f"{number}/data.csv": history(days=200, seed=number) for number in range(4)}
    paths = tree(tmp_path, files, models="auto", intervals="calibrated")
    settings = TrainSettings.from_files(paths, Host())

    fitted, skipped = (run_job(paths, settings).tally for _ in range(2))

    assert skipped.statuses == {"skipped": 4}
    first, second = fitted.comparison, skipped.comparison
    assert (first.error, first.methods, first.coverage) == (second.error, second.methods, second.coverage)
    assert [each.combined for each in first.worst] == [each.combined for each in second.worst]
    assert {each.remark for each in second.worst} == {"not fitted in this job"}
