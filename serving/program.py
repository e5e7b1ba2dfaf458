"""The program `serve`: reads its settings, and runs the HTTP server that they name until it is stopped."""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from container import find_java, help_text, run
from serving.settings import ServingSettings
from serving.variables import MMS, VARIABLES

DESCRIPTION = """\
Serve forecasts over HTTP, as SageMaker's endpoints expect it.  <base> is SAGEMAKER_BASE_DIR (/opt/ml).

With gunicorn, for plain, serverless and asynchronous endpoints and for batch transform.  Reads one
model.json, archives (<customer>.tar.gz) or the bundles of `train` in <base>/model, or what MODEL_STORE names:
  POST /invocations {"target_model": "7", "period": 7}               forecast one customer, or many
  GET /ping, /execution-parameters, /metrics, /openapi.json

With Multi Model Server, if SAGEMAKER_MULTI_MODEL=true, for multi-model endpoints.  Reads the folders that
requests name, below <base>/models:
  POST /models {"model_name": "7", "url": "<base>/models/7/model"}   load the model of an extracted archive
  POST /models/7/invoke {"period": 7}                                forecast with it
  GET /models, GET /models/7, DELETE /models/7, GET /ping
SERVING_STACK=gunicorn serves these routes without Java.

Writes a log to stderr and, behind gunicorn, one line of JSON per request to stdout; working files lie in a
folder below TMPDIR that is removed at the end."""
EPILOGUE = """\
example:
  fleetcast serve &
  curl localhost:8080/invocations --json '{{"target_model": "7", "period": 2}}'

exit codes: 0 stopped by SIGTERM or SIGINT; 1 a setting, a model or a port that cannot be used, or a server
that died; 2 an unknown option

environment variables:
{variables}"""


def main() -> int:
    """Run the program and return its exit code."""
    argparse.ArgumentParser(
        prog="fleetcast serve",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(variables=help_text(VARIABLES)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()

    def program(env: Mapping[str, str]) -> int:
        settings = ServingSettings.from_env(env)
        with _own_folder(env) as folder:
            if settings.stack == MMS:
                return _behind_mms(settings, folder)
            return _behind_gunicorn(settings, folder)

    return run(program)


def _behind_mms(settings: ServingSettings, folder: Path) -> int:
    from serving.mms import Supervisor  # noqa: PLC0415 -- a process loads one server only

    return Supervisor(settings, java=find_java(os.environ), folder=folder).run()


def _behind_gunicorn(settings: ServingSettings, folder: Path) -> int:
    from serving.http import serve  # noqa: PLC0415

    serve(settings, folder=folder)
    return 0


@contextmanager
def _own_folder(env: Mapping[str, str]) -> Iterator[Path]:
    """Make a folder for working files, and remove it at the end.

    Forked workers leave this block too; only the process that made the folder removes it.
    """
    owner = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix="serve-", dir=env.get("TMPDIR")))
    try:
        yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
