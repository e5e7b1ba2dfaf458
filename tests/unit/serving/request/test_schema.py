import json

import numpy as np
import pytest

from serving.errors import RequestError
from serving.request.records import Failure
from serving.request.results import CustomerForecast
from serving.request.schema import MAX_PERIODS, Request, field_table
from tests.unit.served import read, written


def parse_request(body: bytes) -> Request:
    (record,), _ = read(body, "application/json")
    if isinstance(record, Failure):
        raise record.error(record.message)
    return record


PERIOD = f"period must be a whole number from 1 to {MAX_PERIODS}"


@pytest.mark.parametrize("body", ['{"period": 3}', '"{\\"period\\": 3}"'])
def test_a_request_may_be_json_or_a_json_string_of_json(body: str) -> None:
    assert parse_request(body.encode()) == Request(period=3)


@pytest.mark.parametrize(
    "period", ["-1", "0", "1000001", "9223372036854775808", "1.5", "true", '"1"', "null", "[1]", "1e400"]
)
def test_the_error_for_an_invalid_period_names_its_limits(period: str) -> None:
    with pytest.raises(RequestError, match=PERIOD):
        parse_request(f'{{"period": {period}}}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b'{"period": ',
        b'{"period": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"1" * 100_000,
    ],
)
def test_the_error_for_a_body_that_is_not_json_shows_a_request(body: bytes) -> None:
    with pytest.raises(RequestError, match=r"not JSON|a request is a JSON object"):
        parse_request(body)


@pytest.mark.parametrize("body", [b"[1]", b"7", b"null", b'"\\"text\\""', b'{"perod": 1}'])
def test_the_error_for_other_json_names_the_fields(body: bytes) -> None:
    with pytest.raises(RequestError, match="fields period, freq"):
        parse_request(body)


def test_a_whole_number_may_have_a_fraction_of_zero() -> None:
    assert parse_request(b'{"period": 2.0}').periods == 2


@pytest.mark.parametrize(
    ("written_name", "name"), [("7", "7"), ("7.0", "7"), ("-3", "-3"), ('"007"', "007"), ("null", None)]
)
def test_a_customer_may_be_named_by_a_whole_number(written_name: str, name: str | None) -> None:
    assert parse_request(f'{{"target_model": {written_name}}}'.encode()).name == name


@pytest.mark.parametrize("name", ["7.5", "1e22", "true", "[7]", "123456789012345678901234567890"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="target_model"):
        parse_request(f'{{"target_model": {name}}}'.encode())


def test_regressors_and_conditions_may_be_numbers_or_booleans() -> None:
    body = b'{"regressors": {"promo": [true, 0, 2.5], "open": false}, "conditions": {"summer": [1, false]}}'

    request = parse_request(body)

    assert request.regressors == {"promo": (True, 0, 2.5), "open": False}
    assert request.conditions == {"summer": (1, False)}


@pytest.mark.parametrize("other", ['"period": 3', '"freq": "D"', '"include_history": true'])
def test_named_times_exclude_the_fields_that_describe_other_times(other: str) -> None:
    with pytest.raises(RequestError, match="leave period, freq and include_history out"):
        parse_request(f'{{"ds": ["2026-01-01"], {other}}}'.encode())


def test_a_field_of_the_wrong_type_is_named() -> None:
    with pytest.raises(RequestError, match="include_history: expected bool, got int"):
        parse_request(b'{"include_history": 1}')


def test_a_response_is_one_record_per_row() -> None:
    ds = np.array(["2026-01-01", "2026-01-02T12:00"], dtype="datetime64[us]")

    response = json.loads(
        written([CustomerForecast("7", {"ds": ds, "yhat": np.array([1.0, 2.5])})], is_list=False)
    )

    assert response == {
        "target_model": "7",
        "predictions": [
            {"ds": "2026-01-01T00:00:00", "yhat": 1.0},
            {"ds": "2026-01-02T12:00:00", "yhat": 2.5},
        ],
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([123.45678901234567, 0.00012345678], [123.4567890, 0.0001235]),
        ([-98765432109876.54, 1.0], [-98765432110000.0, 0.0]),
        ([1e-90, 2e-90], [1e-90, 2e-90]),
        ([1e-120, 2e-120], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_a_column_has_ten_digits_of_its_largest_value(values: list[float], expected: list[float]) -> None:
    table = {"ds": np.array(["2025-01-01", "2025-01-02"], "datetime64[D]"), "yhat": np.array(values)}

    ((_, column),) = CustomerForecast("7", table).blocks(["ds", "yhat"])

    assert column == expected


def test_the_table_for_the_documentation_has_a_row_with_a_default_for_each_field() -> None:
    rows = [line.split(" | ") for line in field_table().splitlines()[2:]]

    assert [row[0].strip("|` ") for row in rows] == list(Request.__struct_fields__)
    assert all(len(row) == 3 and row[1] and row[2] for row in rows)
