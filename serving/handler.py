"""The handler for a worker that Multi Model Server starts itself: `handle(data, context)`, one loaded model.

Behind the shared pool it is not used; it drops into any Multi Model Server.  It is a function, because the
worker swallows what a handler class raises while it loads a model.
"""

import os
from pathlib import Path
from typing import Any

from container import Paths
from serving.models import Forecaster, load_folder, look_up_each
from serving.request import Invocation, RequestBudget, RouteModel, customer_from_headers, respond

_loaded: dict[str, Forecaster] = {}
"""The one model of this process, by its name."""
_budget = RequestBudget()


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:  # noqa: ANN401 -- MMS's own class
    """Load the model of `context` where `data` is None, and otherwise answer each request in `data`."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        _loaded[context.model_name] = load_folder(folder, store=Paths.from_env(os.environ).models)
        return None
    return [_answer(request, context, index) for index, request in enumerate(data)]


def _answer(request: dict[str, Any], context: Any, index: int) -> bytes:  # noqa: ANN401 -- MMS's own class
    headers = {name.lower(): str(value) for name, value in context.get_all_request_header(index).items()}
    target = RouteModel(context.model_name, customer_from_headers(headers))
    invocation = Invocation(bytes(request.get("body") or b""), headers, target)
    response = respond(invocation, look_up_each(_loaded.__getitem__), budget=_budget)
    context.set_response_content_type(index, response.content_type)
    context.set_response_status(code=int(response.status), phrase=response.status.phrase, idx=index)
    for name, value in response.headers.items():
        context.set_response_header(index, name, value)
    return response.body
