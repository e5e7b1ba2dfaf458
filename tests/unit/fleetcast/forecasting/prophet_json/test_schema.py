"""The declaration of Prophet's JSON is what is written, what is accepted and what the documentation says."""

import json
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import ModelFormatError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast, loads
from fleetcast.forecasting.prophet_json import field_table
from fleetcast.forecasting.prophet_json.schema import FleetcastJson, ProphetJson
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(40) * np.timedelta64(1, "D")
READINGS = 100 + np.random.default_rng(1).normal(size=40).cumsum()


def content(**options: Any) -> dict[str, Any]:
    return json.loads(dumps(fit_with(DAYS, READINGS, **options)))


PLAIN = content()
RICH = content(
    holidays={"ds": ["2024-01-10"], "holiday": ["fair"], "lower_window": [-1], "upper_window": [1]},
    country_holidays="US",
    regressors={"r": np.arange(40.0)},
)


def with_(whole: dict[str, Any], path: str, value: Any) -> str:
    """Return the JSON with the value at a path such as params.k; a number is an index into a list."""
    copy = json.loads(json.dumps(whole))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node = copy
    for step in way:
        node = node[step]
    node[last] = value
    return json.dumps(copy)


@pytest.mark.parametrize("written", [PLAIN, RICH])
def test_a_written_model_has_the_declared_fields_in_the_declared_order(written: dict[str, Any]) -> None:
    assert tuple(written) == ProphetJson.__struct_encode_fields__


def test_only_models_with_the_holidays_of_a_country_have_its_days() -> None:
    assert tuple(RICH["fleetcast"]) == FleetcastJson.__struct_encode_fields__
    assert "holidays_resolved" not in PLAIN["fleetcast"]


def test_the_table_of_the_documentation_has_every_field_with_a_sentence() -> None:
    rows = [line.strip("| ").split(" | ") for line in field_table().splitlines()[2:]]
    names = [row[0].strip("`") for row in rows]

    assert [name for name in names if "." not in name] == list(ProphetJson.__struct_encode_fields__)
    assert {"params.k", "seasonalities.period", "extra_regressors.std", "fleetcast.rows"} <= set(names)
    assert len(names) == len(set(names))
    assert all(row[-1].endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (with_(PLAIN, "interval_width", 1.0), "(interval_width must be a number from 0 to below 1)"),
        (with_(PLAIN, "growth", "cubic"), "(growth must be one of flat, linear, logistic)"),
        (with_(PLAIN, "growth", None), "(growth must be one of flat, linear, logistic)"),
        (with_(PLAIN, "scaling", 1), "(scaling must be one of absmax, minmax)"),
        (with_(PLAIN, "uncertainty_samples", -1), "must be a boolean or whole number of at least 0)"),
        (with_(PLAIN, "start", 1e300), "(start must be a number from -62,135,596,800 to 253,402,214,400)"),
        (with_(PLAIN, "y_scale", float("nan")), "(y_scale must be a number from 1e-30 to 1e+30)"),
        (with_(PLAIN, "y_min", "0"), "(y_min must be a number or null from -1e+30 to 1e+30)"),
        (with_(PLAIN, "changepoints_t", 0.5), "(changepoints_t must be a list of numbers from -2 to 2, at"),
        (
            with_(PLAIN, "params.k.0.0", float("inf")),
            "(params.k[0][0] must be a number from -1e+30 to 1e+30)",
        ),
        (with_(PLAIN, "params.beta.0.1", float("nan")), "(params.beta[0][1] must be a number from -1e+30"),
        (with_(PLAIN, "params", {"k": [[1.0], [2.0]]}), "(params.m is missing)"),
        (with_(PLAIN, "fleetcast.rows", 1.5), "(fleetcast.rows must be a whole number from 0 to 1,000,000,"),
        (
            with_(PLAIN, "seasonalities.1.weekly.fourier_order", 10**12),
            "(seasonalities.fourier_order must be",
        ),
        (with_(PLAIN, "seasonalities.1.weekly.phase", 1), "(seasonalities.phase is not a field of Prophet)"),
        (with_(PLAIN, "seasonalities", [["weekly"]]), "(seasonalities must be a list of names and an object"),
        (with_(PLAIN, "seasonalities.0.0", 7), "(seasonalities[0][0] must be a text)"),
        (with_(PLAIN, "seasonalities.1", {}), "(seasonalities must have each name once, and a declaration"),
        (
            with_(RICH, "extra_regressors.1.r.std", 0.0),
            "(extra_regressors.std must be a number from 1e-30 to",
        ),
        (with_(RICH, "holidays_prior_scale", None), "holidays_prior_scale must be a number from 0 to 1e+30"),
        (with_(RICH, "train_holiday_names", "[]"), "(train_holiday_names must be an object)"),
        (with_(RICH, "country_holidays", "os.system"), "country_holidays must be the name of a country"),
        (with_(RICH, "fleetcast.holidays_resolved", '{"years":[0,1],"days":{"a":["1"]}}'), "a number from"),
        (with_(PLAIN, "history_dates", "{}"), "history_dates must be dates in ascending order"),
        (json.dumps([PLAIN]), "(it must be an object)"),
    ],
)
def test_a_refusal_names_the_field_and_what_it_accepts(text: str, sentence: str) -> None:
    with pytest.raises(ModelFormatError) as refused:
        loads(text)

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "name", ["growth", "params", "history_dates", "seasonalities", "train_holiday_names"]
)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(ModelFormatError, match=rf"\({name} is missing\)"):
        loads(json.dumps({field: value for field, value in PLAIN.items() if field != name}))


@pytest.mark.parametrize("name", ["holidays", "country_holidays"])
def test_fields_of_holidays_are_required_of_models_with_holidays_only(name: str) -> None:
    without = [{field: value for field, value in each.items() if field != name} for each in (PLAIN, RICH)]

    assert isinstance(loads(json.dumps(without[0])), Model)
    with pytest.raises(ModelFormatError, match=rf"\({name} is missing\)"):
        loads(json.dumps(without[1]))


def test_numbers_that_only_pythons_json_writes_are_accepted_in_fields_that_no_forecast_uses() -> None:
    text = with_(PLAIN, "changepoint_prior_scale", float("inf"))
    text = text.replace('"fit_kwargs": {}', '"fit_kwargs": {"tol": NaN, "name": "\\ud800"}')

    tables = [forecast(loads(each), ForecastOptions(3)) for each in (json.dumps(PLAIN), text)]

    assert tables[0]["yhat"].tolist() == tables[1]["yhat"].tolist()


def test_a_model_that_was_dumped_as_a_text_in_json_is_read() -> None:
    twice = json.dumps(json.dumps(PLAIN))

    assert dumps(loads(f" \n{twice}")) == dumps(loads(json.dumps(PLAIN)))


def test_a_whole_number_is_written_as_it_was_read() -> None:
    content = {**PLAIN, "interval_width": 0, "n_changepoints": 5.0, "yearly_seasonality": "10"}

    again = json.loads(dumps(loads(json.dumps(content))))

    assert [repr(again[name]) for name in ("interval_width", "n_changepoints", "yearly_seasonality")] == [
        "0",
        "5.0",
        "'10'",
    ]
    assert repr(again["seasonalities"][1]["weekly"]["period"]) == "7"


def test_an_empty_table_of_holidays_is_written_as_it_was_read() -> None:
    table = '{"schema":{"fields":[{"name":"ds","type":"datetime"}]},"data":[]}'

    again = json.loads(dumps(loads(with_(content(country_holidays="US"), "holidays", table))))

    columns = [field["name"] for field in json.loads(again["holidays"])["schema"]["fields"]]
    assert columns == ["ds", "holiday"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("yhat", "the name 'yhat' is reserved by Prophet"),
        ("a_delim_b", "the name of a regressor must not contain '_delim_'"),
    ],
)
def test_a_regressor_with_a_name_that_prophet_refuses_is_refused(name: str, sentence: str) -> None:
    declaration = RICH["extra_regressors"][1]["r"]

    with pytest.raises(ModelFormatError, match=sentence):
        loads(with_(RICH, "extra_regressors", [[name], {name: declaration}]))
