"""The handler that Multi Model Server's worker calls: `handle(data, context)`, for one loaded model.

It is a function, because the stock worker swallows what a handler class raises while it loads a model.
"""

import logging
import os
from pathlib import Path
from typing import Any

from sagemaker_inference import content_types
from sagemaker_inference.utils import retrieve_content_type_header

from archive import ArchiveError, read_folder
from container import Paths
from forecasting import FutureError, Model, SampledModel, loads
from serving._errors import DefectError, ModelNotFoundError, RequestError, UnsupportedMediaTypeError
from serving._schema import format_error, format_response, parse_request

logger = logging.getLogger(__name__)

_loaded: dict[str, Model | SampledModel] = {}
"""The one model of this process, by its name: stock Multi Model Server starts a process per model."""


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:  # noqa: ANN401 -- MMS's own class
    """Load the model of `context` where `data` is None, and otherwise answer each request in `data`."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        _loaded[context.model_name] = load(folder, store=Paths.from_env(os.environ).models)
        return None
    return [_answer(request, context, index) for index, request in enumerate(data)]


def load(folder: Path, *, store: Path) -> Model | SampledModel:
    """Return the model in `folder`, which must lie below `store`; raise a `RequestError` otherwise."""
    if not folder.resolve().is_relative_to(store.resolve()):
        raise RequestError(f"url must name a folder below {store}")
    if not folder.is_dir():
        raise ModelNotFoundError("there is no such folder in the model store")
    try:
        return loads(read_folder(folder).model)
    except (ArchiveError, ValueError, KeyError) as error:
        raise RequestError(f"the model cannot be used: {error}") from error


def _answer(request: dict[str, Any], context: Any, index: int) -> bytes:  # noqa: ANN401 -- MMS's own class
    context.set_response_content_type(index, content_types.JSON)
    try:
        _check_content_type(context.get_all_request_header(index))
        wanted = parse_request(bytes(request.get("body") or b"{}"))
        forecast = _loaded[context.model_name].predict(
            wanted.period,
            wanted.freq,
            include_history=wanted.include_history,
            interval_width=wanted.interval_width,
            quantiles=wanted.quantiles,
            components=wanted.components,
            regressors=wanted.regressors,
            conditions=wanted.conditions,
            cap=wanted.cap,
            floor=wanted.floor,
        )
        return format_response(wanted.columns(forecast), target_model=context.model_name)
    except RequestError as error:
        refusal = error
    except FutureError as error:
        refusal = RequestError(str(error))
    except Exception:
        logger.exception("no forecast for model %s", context.model_name)
        refusal = DefectError("the forecast failed; the server's log says why")
    context.set_response_status(code=int(refusal.status), phrase=refusal.status.phrase, idx=index)
    return format_error(refusal)


def _check_content_type(headers: dict[str, Any]) -> None:
    content_type = str(retrieve_content_type_header(headers) or content_types.JSON)
    if content_type.partition(";")[0].strip().lower() != content_types.JSON:
        raise UnsupportedMediaTypeError(f"Content-Type must be {content_types.JSON}, not {content_type!r}")
