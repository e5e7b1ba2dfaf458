"""The program `delete`: takes back what the workflow made in AWS, one kind of thing at a time."""

from pipeline.delete.kinds import ACTIONS
from pipeline.delete.program import parser

__all__ = ["ACTIONS", "parser"]
