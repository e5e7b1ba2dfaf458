"""The program `evaluate`: archives and readings that they have not seen -> metrics of each customer."""

from pipeline.evaluate.findings import KINDS
from pipeline.evaluate.outcome import STATUSES
from pipeline.evaluate.program import EXIT_CODES, parser

__all__ = ["EXIT_CODES", "KINDS", "STATUSES", "parser"]
