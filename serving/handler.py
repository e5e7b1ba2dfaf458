"""The handler for a worker that Multi Model Server starts itself: `handle(data, context)`, one loaded model.

Behind the shared pool it is not used; it drops into any Multi Model Server.  It is a function, because the
worker swallows what a handler class raises while it loads a model.
"""

import os
from pathlib import Path
from typing import Any

from container import Paths
from serving.models.load import Forecaster, load_folder
from serving.request.respond import answer
from serving.request.target_header import customer_of

_loaded: dict[str, Forecaster] = {}
"""The one model of this process, by its name."""


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:  # noqa: ANN401 -- MMS's own class
    """Load the model of `context` where `data` is None, and otherwise answer each request in `data`."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        _loaded[context.model_name] = load_folder(folder, store=Paths.from_env(os.environ).models)
        return None
    return [_answer(request, context, index) for index, request in enumerate(data)]


def _answer(request: dict[str, Any], context: Any, index: int) -> bytes:  # noqa: ANN401 -- MMS's own class
    headers = {name.lower(): str(value) for name, value in context.get_all_request_header(index).items()}
    answered = answer(
        bytes(request.get("body") or b""),
        content_type=headers.get("content-type"),
        accept=headers.get("accept"),
        content_encoding=headers.get("content-encoding"),
        target_model=context.model_name,
        customer=customer_of(headers),
        find=_loaded.__getitem__,
    )
    context.set_response_content_type(index, answered.content_type)
    context.set_response_status(code=int(answered.status), phrase=answered.status.phrase, idx=index)
    for name, value in answered.headers.items():
        context.set_response_header(index, name, value)
    return answered.body
