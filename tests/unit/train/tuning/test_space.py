"""Search spaces: what is accepted, what is searched by default, and which configurations are tried."""

import json
from typing import Any

import pytest

from fleetcast.errors import SettingError
from fleetcast.forecasting import PROPHET_ARGUMENTS
from train import hyperparameters
from train.hyperparameters_file import value_of
from train.tuning.space import (
    DEFAULT,
    DEFAULT_OF_GLOBAL,
    OF_GLOBAL,
    OF_PROPHET,
    SEARCHABLE,
    SEASONS,
    Range,
    Space,
    default_space,
    parse_space,
)


def test_configuration_0_changes_nothing() -> None:
    assert Space(DEFAULT).configuration(0, seed=7) == {}


def test_a_configuration_depends_on_seed_number_and_names_alone() -> None:
    whole = Space(DEFAULT).configuration(17, seed=3)
    part = Space({"seasonality_mode": DEFAULT["seasonality_mode"], "growth": DEFAULT["growth"]})

    assert part.configuration(17, seed=3) == {
        name: text for name, text in whole.items() if name in part.settings
    }
    assert Space(DEFAULT).configuration(17, seed=4) != whole


def test_every_value_of_the_default_space_is_one_that_prophet_accepts() -> None:
    for number in range(1, 200):
        for name, text in Space(DEFAULT).configuration(number, seed=0).items():
            PROPHET_ARGUMENTS[name].check(name, value_of(text))


def test_about_half_of_the_settings_are_left_as_they_are() -> None:
    changed = [len(Space(DEFAULT).configuration(number, seed=0)) for number in range(1, 401)]

    assert 0.45 < sum(changed) / (400 * len(DEFAULT)) < 0.55


def test_a_log_scale_has_as_many_values_below_its_middle_factor_as_above() -> None:
    space = parse_space({"changepoint_prior_scale": {"from": 0.001, "to": 1.0, "scale": "log"}})
    tried = [space.configuration(number, seed=0) for number in range(1, 801)]
    values = [float(each["changepoint_prior_scale"]) for each in tried if each]

    assert 0.4 < sum(value < 0.0316 for value in values) / len(values) < 0.6
    assert min(values) >= 0.001
    assert max(values) <= 1


def test_numbers_of_changepoints_and_fourier_terms_are_whole() -> None:
    space = parse_space({"n_changepoints": {"from": 5, "to": 9}, "weekly_seasonality": {"from": 1, "to": 4}})
    texts = {text for number in range(1, 200) for text in space.configuration(number, seed=0).values()}

    assert texts <= set("123456789")


def test_the_default_space_leaves_out_what_the_user_has_set_and_what_changes_nothing() -> None:
    space = default_space(
        set_by_user={"growth", "holdout"}, seasons=["weekly_seasonality"], has_effects=False
    )

    assert "weekly_seasonality" in space.settings
    assert not {"growth", "holidays_prior_scale", "yearly_seasonality", "daily_seasonality"} & set(
        space.settings
    )
    with_effects = default_space(set_by_user=(), seasons=SEASONS, has_effects=True)
    assert set(with_effects.settings) == set(DEFAULT)


def test_a_share_of_a_range_and_its_number_belong_together() -> None:
    for each in (Range(0.01, 10, is_log=True), Range(0.8, 0.95)):
        assert each.share_of(each.number_at(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "a JSON object of hyperparameters"),
        ({}, "a JSON object of hyperparameters"),
        ({"holdout": ["7D"]}, "'holdout' cannot be searched; accepted are changepoint_prior_scale"),
        ({"growth": ["linear", "quadratic"]}, "growth must be one of"),
        ({"growth": []}, "growth must have 1 to 100 values, not 0"),
        ({"n_changepoints": 7}, "n_changepoints must have a list of values, or an object"),
        ({"n_changepoints": {"from": 1}}, "n_changepoints must have a list of values, or an object"),
        ({"n_changepoints": {"from": 1, "to": 9, "step": 2}}, "a list of values, or an object"),
        ({"changepoint_range": {"from": 0.5, "to": 1.5}}, "changepoint_range must be a number from 0 to 1"),
        ({"changepoint_range": {"from": 0.9, "to": 0.5}}, "from must be below to, not 0.9 and 0.5"),
        ({"changepoint_range": {"from": 0, "to": 0.5, "scale": "log"}}, "above 0 on a log scale"),
        ({"changepoint_range": {"from": 0, "to": 0.5, "scale": "sqrt"}}, "scale must be linear or log"),
        ({"changepoint_range": {"from": True, "to": 0.5}}, "from must be a number, not 'true'"),
        ({"global_eta": {"from": 0, "to": 0.5}}, "global_eta must be a number from 0.001 to 1, not '0'"),
        ({"global_max_depth": [7, 9]}, "global_max_depth must be a whole number from 1 to 8, not '9'"),
        ({"changepoint_prior_scale": {"from": 0.1, "to": float("nan")}}, "must be a finite number above 0"),
    ],
)
def test_a_malformed_space_is_refused_with_what_is_accepted(content: Any, reason: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse_space(content)

    assert reason in str(refused.value)


def test_every_searchable_hyperparameter_is_one_of_prophets_or_of_the_model_of_all_customers() -> None:
    assert {*SEARCHABLE} == {*OF_PROPHET, *OF_GLOBAL}
    assert {*OF_PROPHET} <= PROPHET_ARGUMENTS.keys()
    names = {name for name in hyperparameters.NAMES if name.startswith("global_")}
    assert {*OF_GLOBAL} == names - {"global_rows"}


def test_every_default_value_of_a_model_of_all_customers_is_accepted() -> None:
    for number in range(1, 200):
        for name, text in Space(DEFAULT_OF_GLOBAL).configuration(number, seed=0).items():
            OF_GLOBAL[name].read({name: text})


def test_values_of_a_list_become_the_texts_of_hyperparameters() -> None:
    space = parse_space(json.loads('{"yearly_seasonality": ["auto", false, 12, "7"]}'))

    assert space.describe() == {"yearly_seasonality": "auto, false, 12, 7"}
