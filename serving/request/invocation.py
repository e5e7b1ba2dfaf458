"""From the bytes of a request to the bytes of its response, on every stack and every route.

A request is decoded once, its models are looked up once, its forecasts are planned, computed in batches and
written; the order of the records is kept throughout.
"""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from container import quoted
from serving.errors import DefectError, RequestError
from serving.models import Lookup
from serving.request.bodies import decode_body
from serving.request.budget import LargeRequest, RequestBudget
from serving.request.cost import ResponseCost
from serving.request.forecasts import compute_forecasts
from serving.request.media_types import ANY, CSV, JSON, media_type_of_body, media_type_of_response
from serving.request.plan import plan_forecasts
from serving.request.records import Failure, read_records
from serving.request.response import Response, error_response, failure_response
from serving.request.results import CustomerForecast, write_results
from serving.request.target import Target
from serving.request.target_header import Headers
from serving.steps import Steps, run_steps

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A request for forecasts, as a server received it."""

    body: bytes
    headers: Headers
    target: Target


def respond(
    invocation: Invocation, look_up: Lookup, *, budget: RequestBudget, default_accept: str = ANY
) -> Response:
    """Return the response to a request, computed in this thread; see `respond_in_steps`."""
    return run_steps(respond_in_steps(invocation, look_up, budget=budget, default_accept=default_accept))


def respond_in_steps(
    invocation: Invocation, look_up: Lookup, *, budget: RequestBudget, default_accept: str = ANY
) -> Steps[Response]:
    """Return the response to a request, in steps of a few milliseconds; never raises.

    `look_up` is called once with the names of all models, and `default_accept` stands for a missing Accept
    header.  A request with many records gets status 200 and for each record, in their order, a forecast or
    an error.  A request that exceeds the budget is refused before any forecast is computed.  A large request
    waits for the large requests before it.
    """
    try:
        return (yield from _respond(invocation, look_up, budget, default_accept))
    except RequestError as error:
        return error_response(error)
    except Exception:
        logger.exception("no response for %s", quoted(str(invocation.target)))
        return error_response(DefectError("the forecast failed; the server's log has the reason"))


def _respond(
    invocation: Invocation, look_up: Lookup, budget: RequestBudget, default_accept: str
) -> Steps[Response]:
    headers = invocation.headers
    body_type = media_type_of_body(headers.get("content-type"))
    with LargeRequest(budget) as large:
        if len(invocation.body) > budget.large_body_bytes:
            yield from large.start()
        content = yield from decode_body(
            invocation.body, headers.get("content-encoding"), budget=budget, before_large=large.start
        )
        records, is_list = yield from read_records(content, body_type)
        response_type = media_type_of_response(
            headers.get("accept") or default_accept, default=body_type if is_list else JSON
        )
        cost = ResponseCost(budget, is_csv=response_type == CSV)
        plan = yield from plan_forecasts(records, invocation.target, look_up, cost)
        if cost.cells > budget.large_response_cells:
            yield from large.start()
        results = yield from compute_forecasts(plan)
        if not is_list and isinstance(results[0], Failure):
            return failure_response(results[0])
        customers = tuple(result.target_model for result in results if isinstance(result, CustomerForecast))
        failed = len(results) - len(customers)
        body = yield from write_results(results, response_type, is_list=is_list)
    return Response(HTTPStatus.OK, body, response_type, customers=customers, failed_records=failed)
