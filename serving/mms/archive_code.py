"""Archives that bring `code/inference.py` with model_fn, input_fn, predict_fn, output_fn: run as published.

Where ALLOW_ARCHIVE_CODE=true, launcher.sh runs this file, by its path, for each such archive: it becomes a
worker of Multi Model Server's own, a process of its own, with sagemaker-inference's transformer.  Nothing of
this project is imported here, and what the archive calls `serving`, `train` or `archive` is the archive's.
"""

import json
import logging
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer

logger = logging.getLogger(__name__)

MODULE = "fleetcast_archive_code"
"""What this file is called in the worker."""
OURS = ("container", "fleetcast", "processing", "serving", "train")
"""This project's packages, which an archive's code does not see."""
ROOT = Path(__file__).resolve().parents[2]
FAILED = {
    "code": "INTERNAL_SERVER_ERROR",
    "message": "the archive's code failed; the server's log says why",
}


class _HideOurs(MetaPathFinder):
    """Finds an archive's packages that have the name of one of ours, and never ours."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 -- None for what is no part of a package
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return where the archive's package is; raise ModuleNotFoundError where it has none."""
        if fullname not in OURS:
            return None
        spec = PathFinder.find_spec(fullname, [each for each in sys.path if Path(each).resolve() != ROOT])
        if spec is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return spec


class _Transformer(Transformer):  # type: ignore[misc] # the package is not typed
    """Sagemaker-inference's, which would send the traceback to the client."""

    @staticmethod
    def handle_error(context: Any, inference_exception: Any, trace: str) -> list[bytes]:  # noqa: ANN401
        """Log the traceback and answer with the status alone."""
        logger.error(trace)
        context.set_response_status(code=inference_exception.status_code, phrase="Error")
        return [json.dumps({"error": FAILED}, separators=(",", ":")).encode()]


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


def main() -> None:
    """Become a worker of Multi Model Server, whose handler is `handle` above."""
    sys.path.remove(str(Path(__file__).parent))  # this file's folder, which Python puts first
    sys.meta_path.insert(0, _HideOurs())
    sys.modules[MODULE] = sys.modules["__main__"]
    worker = find_spec("mms.model_service_worker")
    if worker is None or worker.origin is None:
        raise ModuleNotFoundError("Multi Model Server is not installed")
    runpy.run_path(worker.origin, run_name="__main__")


if __name__ == "__main__":
    main()
