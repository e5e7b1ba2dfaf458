"""Whose forecast a response has, and where its errors stand."""

import csv
import gzip
import json
from http import HTTPStatus
from io import StringIO
from pathlib import Path

import pytest

from serving.models import Forecaster
from serving.request import RequestBudget
from tests.unit.serving.request.asking import CSV, JSON, LINES, ask, forecaster

TWO_GOOD_AND_THREE_BAD = b"target_model,period\n7,1\nnobody,1\n8,0\n9,x\n8,1\n"


@pytest.mark.parametrize("accept", [JSON, LINES])
def test_an_error_names_its_record_by_customer_and_place(accept: str) -> None:
    response = ask(TWO_GOOD_AND_THREE_BAD, media_type=CSV, accept=accept)

    lines = response.body.splitlines()
    records = json.loads(response.body)["responses"] if accept == JSON else list(map(json.loads, lines))
    failed = {each["record"]: each["target_model"] for each in records if "error" in each}
    assert [each["target_model"] for each in records] == ["7", "nobody", "8", "9", "8"]
    assert failed == {1: "nobody", 2: "8", 3: "9"}
    assert (response.failed_records, response.customers) == (3, ("7", "8"))


def test_an_error_in_csv_names_its_record_by_customer_and_place() -> None:
    response = ask(TWO_GOOD_AND_THREE_BAD, media_type=CSV)

    table = list(csv.DictReader(StringIO(response.body.decode())))
    failed = [(row["record"], row["target_model"]) for row in table if row["error"]]
    good = [(row["record"], row["target_model"]) for row in table if row["yhat"]]
    assert failed == [("1", "nobody"), ("2", "8"), ("3", "9")]
    assert good == [("0", "7"), ("4", "8")]


def test_the_error_of_a_single_record_names_the_customer() -> None:
    response = ask({"target_model": "nobody.tar.gz"})

    assert response.status == HTTPStatus.NOT_FOUND
    assert json.loads(response.body)["target_model"] == "nobody"


def test_csv_without_errors_has_no_columns_for_them() -> None:
    response = ask(b"target_model,period\n7,1\n8,1\n", media_type=CSV)

    assert response.body.splitlines()[0] == b"target_model,ds,yhat_lower,yhat_upper,yhat"


@pytest.mark.parametrize(
    ("metadata", "customer", "name"),
    [
        ("{}", None, "4f0c"),
        ('{"customer": "7"}', None, "7"),
        ('{"customer": "7"}', "8", "8"),
        ("{}", "8", "8"),
    ],
)
@pytest.mark.parametrize("body", [b'{"period": 1}', b'{"target_model": "4f0c", "period": 1}'])
def test_if_the_route_names_a_key_the_response_names_the_customer(
    metadata: str, customer: str | None, name: str, body: bytes
) -> None:
    lookups: list[str] = []

    def find(key: str) -> Forecaster:
        lookups.append(key)
        return forecaster(metadata=metadata)

    response = ask(body, find=find, model="4f0c", customer=customer)

    assert json.loads(response.body)["target_model"] == name
    assert response.customers == (name,)
    assert lookups == ["4f0c"]


def test_a_record_that_names_another_customer_than_the_route_is_refused() -> None:
    rows = b"target_model,period\n7,1\n8,1\n7.tar.gz,1\n"

    response = ask(
        rows, find=lambda _: forecaster(), media_type=CSV, accept=LINES, model="4f0c", customer="7"
    )

    lines = list(map(json.loads, response.body.splitlines()))
    assert ["error" in line for line in lines] == [False, True, False]
    assert "names another model than the route, which is '7'" in lines[1]["error"]["message"]
    assert response.customers == ("7", "7")


def peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def test_a_hundred_thousand_errors_cost_little_memory() -> None:
    body = b"".join(b'{"target_model": "nobody%d"}\n' % number for number in range(100_000))
    ask(body[:100_000], media_type=LINES)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_megabytes()

    response = ask(body, media_type=LINES)

    assert response.failed_records == 100_000
    assert peak_megabytes() - before < 120


def test_a_gzipped_request_gets_the_same_response_as_the_plain_one() -> None:
    body = b'{"target_model": "7", "period": 3}'

    assert ask(gzip.compress(body), content_encoding="gzip") == ask(body)
    assert ask(body, content_encoding="br").status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    small = RequestBudget(max_body_bytes=100)
    assert ask(gzip.compress(bytes(1_000)), content_encoding="gzip", budget=small).status == 413
