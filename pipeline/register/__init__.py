"""The programs `register` and `approve`: an evaluated fleet -> a version in SageMaker's model registry."""

from pipeline.register.approve import ACTIONS as APPROVE_ACTIONS
from pipeline.register.approve import parser as approve_parser
from pipeline.register.program import ACTIONS, parser

__all__ = ["ACTIONS", "APPROVE_ACTIONS", "approve_parser", "parser"]
