"""Successive halving: its rounds, what a budget affords, and when a configuration is better."""

import math

import numpy as np
import pytest

from train.tuning.rounds import (
    LEAST_CUSTOMERS,
    Judged,
    Round,
    affordable,
    evaluations,
    is_better,
    plan,
    ranked,
)

NAMES = [f"c{i}" for i in range(30)]


def errors(
    ratio: float, *, spread: float, seed: int = 0, cutoffs: int = 3
) -> dict[str, dict[int, list[float]]]:
    """Return errors of configuration 1 that are `ratio` times those of 0, more or less."""
    generator = np.random.default_rng(seed)
    found = {}
    for name in NAMES:
        start = generator.uniform(0.5, 20, cutoffs)
        found[name] = {
            0: start.tolist(),
            1: (start * ratio * np.exp(generator.normal(0, spread, cutoffs))).tolist(),
        }
    return found


def test_each_round_has_a_third_of_the_configurations_on_three_times_the_customers() -> None:
    assert plan(48, 243) == [Round(48, 9), Round(16, 27), Round(6, 81), Round(2, 243)]


def test_a_small_fleet_is_compared_at_once() -> None:
    assert plan(48, 12) == [Round(48, 12)]
    assert plan(1, 500) == [Round(1, 500)]


def test_no_pair_of_a_configuration_and_a_customer_is_evaluated_twice() -> None:
    assert evaluations([Round(9, 10), Round(3, 30)]) == 9 * 10 + 3 * 20


@pytest.mark.parametrize("most", [100, 300, 700, 1_500, 5_000])
def test_what_a_budget_affords_is_within_it(most: int) -> None:
    rounds = affordable(most, configurations=48, customers=200)

    assert evaluations(rounds) <= most
    assert rounds[0].configurations >= 12


def test_a_large_budget_takes_everything_and_a_tiny_one_the_smallest_plan() -> None:
    assert affordable(10**9, configurations=48, customers=200) == plan(48, 200)
    assert affordable(0, configurations=48, customers=200) == [Round(12, LEAST_CUSTOMERS)]
    assert affordable(0, configurations=5, customers=3) == [Round(5, 3)]


def test_the_order_follows_ratios_so_that_one_bad_customer_does_not_decide() -> None:
    found = errors(0.9, spread=0.01)
    found["c0"][1] = [1e9] * 3

    assert ranked(found, NAMES, [0, 1]) == [1, 0]


def test_a_small_gain_on_many_customers_is_found() -> None:
    assert is_better(errors(0.97, spread=0.05), NAMES, 1)


def test_noise_without_a_gain_is_rarely_taken_for_one() -> None:
    wrong = sum(is_better(errors(1.0, spread=0.3, seed=seed), NAMES, 1) for seed in range(200))

    assert wrong <= 12


def test_a_single_customer_is_judged_by_its_cutoffs() -> None:
    assert is_better({"a": {0: [1.0, 1.1, 0.9], 1: [0.5, 0.6, 0.5]}}, ["a"], 1)
    assert not is_better({"a": {0: [1.0, 1.1, 0.9], 1: [0.5, 2.6, 0.5]}}, ["a"], 1)
    assert not is_better({"a": {0: [1.0], 1: [0.5]}}, ["a"], 1)


def test_errors_of_0_can_be_compared() -> None:
    assert not is_better({name: {0: [0.0, 0.0], 1: [0.0, 0.0]} for name in NAMES}, NAMES, 1)
    assert Judged.of([(0.0, 0.0)]).gain == 0


def test_a_gain_is_the_mean_over_customers_of_ratios() -> None:
    judged = Judged.of([(2.0, 1.0), (1.0, 0.5), (10.0, 5.0), (1.0, 1.0)])

    assert judged.gain == pytest.approx(1 - math.exp(3 / 4 * math.log(0.5)))
    assert judged.share_better == 0.75
    assert (judged.before, judged.after) == (3.5, 1.875)
