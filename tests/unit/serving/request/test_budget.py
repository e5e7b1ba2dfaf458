"""What a request may cost, and in which order large requests are computed."""

import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pytest

from serving.errors import UnavailableError
from serving.models import look_up_each
from serving.request import RequestBudget, Response, respond, respond_in_steps
from serving.request.budget import LargeRequest
from serving.steps import Steps, run_steps
from tests.unit.serving.request.asking import CSV, JSON, ask, error, find_7_or_8, forecaster, invocation

BUDGET = RequestBudget()


def test_rows_of_the_history_count_as_cells() -> None:
    with_history = forecaster(keep_history=True)
    body = {"requests": [{"period": 1, "include_history": True, "target_model": "7"}] * 17_000}

    message = error(ask(body, find=lambda _: with_history))

    assert f"{17_000 * 61 * 4} cells" in message


def wide(records: int) -> dict[str, Any]:
    quantiles = [number / 100 for number in range(1, 100)]
    request = {"period": 10_000, "freq": "h", "quantiles": quantiles, "components": True, "target_model": "7"}
    return {"requests": [request] * records}


MANY_OPTIONS = [
    {
        "target_model": "7",
        "period": 1,
        "quantiles": [round((record * 99 + at + 1) / 1e6, 6) for at in range(99)],
    }
    for record in range(300)
]


ALL_DIFFERENT = {
    "requests": [
        {"target_model": "7", "period": 1, "interval_width": place / 50_000} for place in range(45_000)
    ]
}


@pytest.mark.parametrize(
    ("body", "accept", "bound"),
    [
        (wide(12), JSON, BUDGET.max_response_cells),
        (
            {"requests": [{"period": 10_000, "components": True, "target_model": "7"}] * 100},
            JSON,
            BUDGET.max_response_cells,
        ),
        ({"requests": [{"period": 10_000, "target_model": "7"}] * 101}, CSV, BUDGET.max_response_cells),
        ({"requests": MANY_OPTIONS}, CSV, BUDGET.max_response_cells),
        (ALL_DIFFERENT, JSON, BUDGET.max_response_batches),
    ],
)
def test_a_request_above_a_limit_is_refused_before_any_forecast_is_computed(
    body: object, accept: str, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    for name in ("forecast", "forecast_many"):
        monkeypatch.setattr(f"serving.request.forecasts.{name}", lambda *what: begun.append(what))

    message = error(ask(body, accept=accept))

    assert str(bound) in message
    assert begun == []


def test_a_long_name_counts_once_per_row_in_csv() -> None:
    body = {"requests": [{"period": 10_000, "target_model": "7" * 1_000}] * 20}

    message = error(ask(body, find=lambda _: forecaster(), accept=CSV))

    assert f"the limit is {BUDGET.max_response_bytes}: send fewer records" in message
    assert ask(body, find=lambda _: forecaster(), accept=JSON).status == HTTPStatus.OK


def test_a_record_above_the_limit_of_one_forecast_fails_alone() -> None:
    logistic = forecaster(growth="logistic", cap=200.0)
    expensive = {"period": 10_000, "cap": 200, "quantiles": [0.1, 0.5, 0.9]}
    body = {"requests": [expensive, {"period": 2, "cap": 200}]}

    first, second = json.loads(ask(body, find=lambda _: logistic, model="7").body)["responses"]

    assert "30000" in first["error"]["message"]
    assert len(second["predictions"]) == 2


def test_a_million_rows_of_the_default_columns_are_allowed() -> None:
    body = {"requests": [{"period": 10_000, "target_model": "7"}] * 100}

    response = ask(body)

    assert response.status == HTTPStatus.OK
    assert len(response.body) < BUDGET.max_response_bytes


@pytest.fixture
def budget() -> RequestBudget:
    return RequestBudget(max_queued_large_requests=1)


def large(budget: RequestBudget) -> Steps[Response]:
    body = {"requests": [{"period": 10_000, "target_model": "7"}] * 5}
    return respond_in_steps(invocation(body), look_up_each(find_7_or_8), budget=budget)


def take(steps: Steps[Response], count: int) -> Response | None:
    """Return the response if the steps end within `count`, else None."""
    try:
        for _ in range(count):
            next(steps)
    except StopIteration as end:
        response: Response = end.value
        return response
    return None


def test_large_requests_are_computed_one_by_one_and_small_ones_meanwhile(budget: RequestBudget) -> None:
    first, second, third = large(budget), large(budget), large(budget)
    assert take(first, 5) is None

    waiting = take(second, 10_000)
    refused = take(third, 10_000)
    small = ask({"target_model": "7"}, budget=budget)
    done = take(first, 10_000)
    after = take(second, 10_000)

    assert waiting is None
    assert refused is not None
    assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert small.status == HTTPStatus.OK
    assert done is not None
    assert done == after
    assert budget.large_requests == 0


def test_a_waiting_large_request_yields_what_it_waits_for(budget: RequestBudget) -> None:
    first, second = large(budget), large(budget)
    take(first, 5)

    (awaited,) = next(awaited for awaited in second if awaited)

    assert not awaited.done()
    take(first, 10_000)
    assert awaited.done()
    second.close()


def test_large_requests_in_threads_are_all_answered() -> None:
    budget = RequestBudget(max_queued_large_requests=8)
    body = invocation({"requests": [{"period": 10_000, "target_model": "7"}] * 3})

    with ThreadPoolExecutor(8) as threads:
        responses = [
            threads.submit(respond, body, look_up_each(find_7_or_8), budget=budget) for _ in range(8)
        ]
        statuses = {response.result(60).status for response in responses}

    assert statuses == {HTTPStatus.OK}
    assert budget.large_requests == 0


def test_a_large_request_that_is_given_up_lets_the_next_one_start(budget: RequestBudget) -> None:
    first, second = large(budget), large(budget)
    take(first, 5)
    take(second, 5)

    first.close()

    assert take(second, 10_000) is not None
    assert budget.large_requests == 0


def test_a_large_request_that_is_refused_leaves_the_queue_as_it_is() -> None:
    budget = RequestBudget(max_queued_large_requests=0)
    with LargeRequest(budget) as first:
        run_steps(first.start())
        with pytest.raises(UnavailableError, match="retry in 1 second"), LargeRequest(budget) as second:
            run_steps(second.start())
        assert budget.large_requests == 1

    assert budget.large_requests == 0
