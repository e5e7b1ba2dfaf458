"""The program `serve`: models and requests -> forecasts over HTTP."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from container import find_java, run
from serving._settings import ServingSettings
from serving._supervisor import Supervisor

DESCRIPTION = """\
Serve forecasts as a SageMaker multi-model endpoint does, behind Multi Model Server.

  POST /models {"model_name": "7", "url": "<base>/models/7/model"}   load what an archive was extracted to
  POST /models/7/invoke {"period": 7}                                forecast
  GET /models, GET /models/7, DELETE /models/7, GET /ping

Set SAGEMAKER_MULTI_MODEL=true; SAGEMAKER_BIND_TO_PORT (8080) is the port.  <base> is SAGEMAKER_BASE_DIR,
/opt/ml unless set.  The README lists every setting."""


def main() -> int:
    """Run the program and return its exit code."""
    argparse.ArgumentParser(
        prog="serve", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()

    def program(env: Mapping[str, str]) -> int:
        settings = ServingSettings.from_env(env)
        with tempfile.TemporaryDirectory(prefix="serve-", dir=env.get("TMPDIR")) as folder:
            return Supervisor(settings, java=find_java(os.environ), folder=Path(folder)).run()

    return run(program)


if __name__ == "__main__":
    sys.exit(main())
