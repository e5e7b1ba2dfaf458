"""The program `serve`: models and requests -> forecasts over HTTP."""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from container import find_java, run
from serving.settings import MMS, ServingSettings

DESCRIPTION = """\
Serve forecasts as SageMaker's endpoints do; <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.

Behind gunicorn, for plain, serverless and asynchronous endpoints and for batch transform; <base>/model holds
one model.json, archives, or the bundles that `train` makes (or set MODEL_STORE):
  POST /invocations {"target_model": "7", "period": 7}               forecast one customer, or many
  GET /ping, /execution-parameters, /metrics, /openapi.json

Behind Multi Model Server, with SAGEMAKER_MULTI_MODEL=true, for multi-model endpoints:
  POST /models {"model_name": "7", "url": "<base>/models/7/model"}   load what an archive was extracted to
  POST /models/7/invoke {"period": 7}                                forecast
  GET /models, GET /models/7, DELETE /models/7, GET /ping
The same without Java: SERVING_STACK=gunicorn.

SAGEMAKER_BIND_TO_PORT (8080) is the port.  The README lists every setting."""


def main() -> int:
    """Run the program and return its exit code."""
    argparse.ArgumentParser(
        prog="fleetcast serve", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()

    def program(env: Mapping[str, str]) -> int:
        settings = ServingSettings.from_env(env)
        with _own_folder(env) as folder:
            if settings.stack == MMS:
                return _behind_mms(settings, folder)
            return _behind_gunicorn(settings, folder)

    return run(program)


def _behind_mms(settings: ServingSettings, folder: Path) -> int:
    from serving.mms.supervisor import Supervisor  # noqa: PLC0415 -- each stack's parts are loaded for it alone

    return Supervisor(settings, java=find_java(os.environ), folder=folder).run()


def _behind_gunicorn(settings: ServingSettings, folder: Path) -> int:
    from serving.http.gunicorn_server import serve  # noqa: PLC0415

    serve(settings, folder=folder)
    return 0


@contextmanager
def _own_folder(env: Mapping[str, str]) -> Iterator[Path]:
    """Make a folder, and remove it when this process is done with it; its forks come by here as well."""
    owner = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix="serve-", dir=env.get("TMPDIR")))
    try:
        yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
