"""Which customers leave the fleet's configuration: those who really differ, and nobody for luck."""

import numpy as np

from train.tuning.own_choice import own_choices

NAMES = [f"c{i}" for i in range(60)]


def fleet(
    gains: dict[str, float], *, noise: float, configurations: int = 5, cutoffs: int = 3, seed: int = 0
) -> dict[str, dict[int, list[float]]]:
    """Return errors in which configuration 1 has a true gain for some customers; all others are noise."""
    generator = np.random.default_rng(seed)
    return {
        name: {
            number: np.exp(
                generator.normal(-gains.get(name, 0.0) if number == 1 else 0.0, noise, cutoffs)
            ).tolist()
            for number in range(configurations)
        }
        for name in NAMES
    }


def test_luck_makes_few_customers_leave_for_what_is_worse_for_all() -> None:
    worse = dict.fromkeys(NAMES, -0.1)
    left = [
        own_choices(fleet(worse, noise=0.2, seed=seed, configurations=2), NAMES, (0, 1), fleet=0, margin=0.02)
        for seed in range(40)
    ]

    assert sum(map(len, left)) <= 0.02 * 40 * len(NAMES)


def test_the_smallest_error_alone_would_make_many_of_them_leave() -> None:
    errors = fleet(dict.fromkeys(NAMES, -0.1), noise=0.2, configurations=2)

    assert sum(sum(errors[name][1]) < sum(errors[name][0]) for name in NAMES) > len(NAMES) / 5


def test_luck_among_equals_makes_less_than_a_quarter_leave() -> None:
    left = [
        len(own_choices(fleet({}, noise=0.2, seed=seed), NAMES, range(5), fleet=0, margin=0.02))
        for seed in range(40)
    ]

    assert sum(left) <= 0.25 * 40 * len(NAMES)


def test_choosing_the_smallest_of_these_errors_would_make_most_customers_leave() -> None:
    errors = fleet({}, noise=0.2)
    naive = [min(range(5), key=lambda number: sum(errors[name][number])) for name in NAMES]

    assert sum(number != 0 for number in naive) > len(NAMES) / 2


def test_customers_that_really_differ_leave_and_the_others_stay() -> None:
    different = dict.fromkeys(NAMES[::3], 0.6)
    own = own_choices(fleet(different, noise=0.1), NAMES, range(5), fleet=0, margin=0.02)

    assert {name for name, number in own.items() if number == 1} >= set(different)
    assert len(set(own) - set(different)) <= (len(NAMES) - len(different)) / 2


def test_a_gain_below_the_margin_makes_nobody_leave() -> None:
    different = dict.fromkeys(NAMES[::3], 0.1)

    assert own_choices(fleet(different, noise=0.01), NAMES, range(5), fleet=0, margin=0.2) == {}
    assert own_choices(fleet(different, noise=0.01), NAMES, range(5), fleet=0, margin=1.0) == {}


def test_a_customer_that_gains_at_one_cutoff_alone_stays() -> None:
    errors = fleet(dict.fromkeys(NAMES[1::3], 0.6), noise=0.05)
    errors["c0"] = {number: [1.0, 1.0, 1.0] for number in range(5)}
    errors["c0"][1] = [0.01, 1.1, 1.1]

    assert "c0" not in own_choices(errors, NAMES, range(5), fleet=0, margin=0.02)


def test_few_cutoffs_or_few_customers_make_nobody_leave() -> None:
    different = dict.fromkeys(NAMES[::2], 0.6)

    assert own_choices(fleet(different, noise=0.1, cutoffs=2), NAMES, range(5), fleet=0, margin=0.02) == {}
    assert own_choices(fleet(different, noise=0.1), NAMES[:7], range(5), fleet=0, margin=0.02) == {}
