"""Archives that bring `code/inference.py` with model_fn, input_fn, predict_fn, output_fn: run as published.

Each gets a worker of Multi Model Server's own, a process of its own, and sagemaker-inference's transformer,
where ALLOW_ARCHIVE_CODE=true; see launcher.sh.
"""

import logging
import sys
from pathlib import Path
from typing import Any

from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer

from serving._errors import DefectError
from serving._schema import encode, error_content

logger = logging.getLogger(__name__)


class _Transformer(Transformer):  # type: ignore[misc] # the package is not typed
    """Sagemaker-inference's, which would send the traceback to the client."""

    @staticmethod
    def handle_error(context: Any, inference_exception: Any, trace: str) -> list[bytes]:  # noqa: ANN401
        """Log the traceback and answer with the status alone."""
        logger.error(trace)
        context.set_response_status(code=inference_exception.status_code, phrase="Error")
        return [encode(error_content(DefectError("the archive's code failed; the server's log says why")))]


_transformers: list[_Transformer] = []
"""The one of this process, once the model is loaded."""


def handle(data: Any, context: Any) -> Any:  # noqa: ANN401 -- MMS's own classes
    """Load the archive's model where `data` is None, and otherwise answer."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        sys.path.insert(0, str(folder / "code"))
        transformer = _Transformer(default_inference_handler=DefaultInferenceHandler())
        transformer.validate_and_initialize(model_dir=str(folder), context=context)
        _transformers.append(transformer)
        return None
    return _transformers[0].transform(data, context)
