"""Backtests of a history with regressors or holidays: who knows their effects, and from which readings."""

import numpy as np
import pytest

from fleetcast.evaluation import COMBINED, CORRECTED_PROPHET, METHODS, NAIVE, PROPHET, CombineOptions
from fleetcast.evaluation.rolling_origin import compare
from fleetcast.forecasting import FitOptions
from fleetcast.forecasting.members import GriddedHistory
from testbed.combined import combination, fits_before, hourly, promotions

STAMPS, QUIET = hourly(noise=8.0)
PROMOTION = promotions(STAMPS.size)
SIZE = 60.0
Y = QUIET + SIZE * PROMOTION
SETTINGS = FitOptions(uncertainty_samples=0, extra_regressors=["promotion"])


def test_all_methods_but_the_naive_one_know_the_effect_of_a_regressor() -> None:
    without = combination(STAMPS, Y)
    knowing = combination(STAMPS, Y, settings=SETTINGS, regressors={"promotion": PROMOTION})

    assert without is not None
    assert knowing is not None
    assert knowing.errors[NAIVE] == without.errors[NAIVE]
    assert knowing.errors[COMBINED] < 0.8 * without.errors[COMBINED]
    others = knowing.errors.keys() - {NAIVE, PROPHET, CORRECTED_PROPHET, COMBINED}
    assert len(others) > 5
    assert all(knowing.errors[name] < without.errors[name] for name in others)


def test_the_weight_of_the_effects_is_that_of_the_methods_that_forecast_without_them() -> None:
    knowing = combination(STAMPS, Y, settings=SETTINGS, regressors={"promotion": PROMOTION})

    assert knowing is not None
    with_effects = {NAIVE, PROPHET, CORRECTED_PROPHET}
    expected = sum(weight for name, weight in knowing.weights.items() if name not in with_effects)
    assert knowing.correction.effects == pytest.approx(expected, abs=1e-5)
    assert knowing.correction.effects > 0.5


def test_without_regressors_and_holidays_no_effects_are_added() -> None:
    plain = combination(STAMPS, Y)

    assert plain is not None
    assert plain.correction.effects == 0


def test_a_path_has_no_promotions_of_the_past() -> None:
    members = ("seasonal_naive", "long_profile")
    paths = {}
    for y, regressors in ((QUIET, {}), (Y, {"promotion": PROMOTION})):
        settings = SETTINGS if regressors else FitOptions(uncertainty_samples=0)
        options = CombineOptions(members=members[1:])
        together = combination(STAMPS, y, options=options, settings=settings, regressors=regressors)
        assert together is not None
        paths[len(regressors)] = together.correction.path

    assert np.abs(paths[1] - paths[0]).mean() < SIZE / 20


def test_readings_after_a_cutoff_change_no_forecast_from_it() -> None:
    promotion = PROMOTION.copy()
    cut = STAMPS.size - 48
    promotion[cut:] = 1.0
    before, changed = (QUIET + SIZE * promotion for _ in range(2))
    changed[cut:] += 1e3  # a model that saw these readings would take them for the promotion's effect
    backtests = []
    for y in (before, changed):
        history = GriddedHistory.of(STAMPS, y, "h")
        assert history is not None
        fit_before = fits_before(STAMPS, y, SETTINGS, {"promotion": promotion})
        (test,), _ = compare(history, y, [cut], 48, 48, fit_before, METHODS)
        backtests.append(test)

    first, second = (test.forecasts for test in backtests)

    assert first.keys() == second.keys() == set(METHODS) - {"last_value"}
    for name in first:
        assert first[name] == pytest.approx(second[name], rel=1e-9), name


def test_methods_without_prophet_use_the_effects_that_its_model_finds() -> None:
    options = CombineOptions(members=("autoregression", "long_profile"))

    together = combination(STAMPS, Y, options=options, settings=SETTINGS, regressors={"promotion": PROMOTION})

    assert together is not None
    assert (together.correction.share, together.correction.effects) == (0, 1)
    assert PROPHET not in together.weights


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_gaps_and_several_readings_of_one_step_are_no_obstacle(mode: str) -> None:
    generator = np.random.default_rng(1)
    rows = np.sort(generator.choice(STAMPS.size, round(0.9 * STAMPS.size), replace=False))
    rows = np.sort(np.concatenate((rows, rows[::5])))
    settings = FitOptions(uncertainty_samples=0, extra_regressors=[{"name": "promotion", "mode": mode}])
    plain = combination(STAMPS[rows], Y[rows])

    together = combination(
        STAMPS[rows], Y[rows], settings=settings, regressors={"promotion": PROMOTION[rows]}
    )

    assert plain is not None
    assert together is not None
    assert together.errors[COMBINED] < 0.8 * plain.errors[COMBINED]
