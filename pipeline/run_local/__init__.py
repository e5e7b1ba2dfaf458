"""A pipeline definition in, its steps run as commands on this machine."""

from pipeline.run_local.command import StepError, StepStoppedError
from pipeline.run_local.execution import Execution, FailStepError
from pipeline.run_local.jobs import Jobs
from pipeline.run_local.program import run_local

__all__ = ["Execution", "FailStepError", "Jobs", "StepError", "StepStoppedError", "run_local"]
