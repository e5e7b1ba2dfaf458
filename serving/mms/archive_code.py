"""Runs archives that bring `code/inference.py` with model_fn, input_fn, predict_fn or output_fn.

With ALLOW_ARCHIVE_CODE=true, launcher.sh runs this file, by its path, for each such archive.  The process
becomes one of Multi Model Server's own workers, with the transformer of sagemaker-inference as its handler.
This file imports nothing of this project, and it hides the project's packages: a package `serving` or `train`
of the archive is the archive's own.
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
"""The name under which the worker imports this file."""
OUR_PACKAGES = ("container", "fleetcast", "pipeline", "processing", "serving", "train")
"""The packages of this project, which an archive's code cannot import."""
ROOT = Path(__file__).resolve().parents[2]
FAILED = {
    "code": "INTERNAL_SERVER_ERROR",
    "message": "the archive's code failed; the server's log has the reason",
}


class _HideOurPackages(MetaPathFinder):
    """Finds an archive's packages that have the name of one of ours, but never ours."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 -- None for a top-level package
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return the spec of the archive's package; raise ModuleNotFoundError if it has none of that name."""
        if fullname not in OUR_PACKAGES:
            return None
        spec = PathFinder.find_spec(
            fullname, [folder for folder in sys.path if Path(folder).resolve() != ROOT]
        )
        if spec is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return spec


class _Transformer(Transformer):  # type: ignore[misc] # the package is not typed
    """The transformer of sagemaker-inference, except that a client never gets a traceback."""

    @staticmethod
    def handle_error(context: Any, inference_exception: Any, trace: str) -> list[bytes]:  # noqa: ANN401
        """Log the traceback, and respond with the status and a fixed sentence."""
        logger.error(trace)
        context.set_response_status(code=inference_exception.status_code, phrase="Error")
        return [json.dumps({"error": FAILED}, separators=(",", ":")).encode()]


_transformers: list[_Transformer] = []
"""The transformer of this process, once the model is loaded."""


def handle(data: Any, context: Any) -> Any:  # noqa: ANN401 -- classes of Multi Model Server
    """Load the archive's model if `data` is None, otherwise respond to a request."""
    if data is None:
        folder = Path(context.system_properties["model_dir"])
        sys.path.insert(0, str(folder / "code"))
        transformer = _Transformer(default_inference_handler=DefaultInferenceHandler())
        transformer.validate_and_initialize(model_dir=str(folder), context=context)
        _transformers.append(transformer)
        return None
    return _transformers[0].transform(data, context)


def main() -> None:
    """Run Multi Model Server's worker in this process; its handler is `handle`."""
    sys.path.remove(str(Path(__file__).parent))  # the folder of this file, which Python has put first
    sys.meta_path.insert(0, _HideOurPackages())
    sys.modules[MODULE] = sys.modules["__main__"]
    worker = find_spec("mms.model_service_worker")
    if worker is None or worker.origin is None:
        raise ModuleNotFoundError("Multi Model Server is not installed")
    runpy.run_path(worker.origin, run_name="__main__")


if __name__ == "__main__":
    main()
