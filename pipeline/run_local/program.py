"""A local run from its options to its exit code."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from container import StopRequest
from pipeline.run_local.command import Runner, StepStoppedError
from pipeline.run_local.execution import Execution, FailStepError
from pipeline.run_local.jobs import Jobs
from pipeline.run_local.values import Values, parameter_values
from pipeline.run_local.workspace import Workspace

logger = logging.getLogger(__name__)

FAIL_STEP: Final = 3
"""The exit code after a Fail step: the pipeline works, and the fleet is not good enough."""


def run_local(  # noqa: PLR0913 -- the options of the command line
    definition: Mapping[str, Any],
    folder: Path,
    env: Mapping[str, str],
    *,
    name: str,
    parameters: Mapping[str, str],
    given: Mapping[str, Path],
    docker: bool,
) -> int:
    """Run a definition's steps in a folder and return the exit code; errors of the run are raised."""
    chosen = parameter_values(definition, parameters)
    workspace = Workspace.open(folder, given, pipeline=name)
    stop = StopRequest.on_signals()
    with workspace.alone() as lock:
        jobs = Jobs(workspace, Runner(env, lock, stop), docker)
        try:
            Execution(Values(workspace, definition, name, chosen), jobs).run()
        except FailStepError as error:
            logger.error("the execution failed: %s", error)  # noqa: TRY400 -- the text is the message
            return FAIL_STEP
        except StepStoppedError as error:
            logger.warning("%s", error)
            return stop.exit_code
    logger.info("done: %s", workspace.folder)
    return 0
