"""The program `gate`: the figures of an evaluation -> whether the fleet is good enough, and why not."""

from pipeline.gate.program import parser
from pipeline.gate.registered import ACTIONS
from pipeline.gate.thresholds import NONE, THRESHOLDS, limit
from pipeline.gate.verdict import EXIT_CODES

__all__ = ["ACTIONS", "EXIT_CODES", "NONE", "THRESHOLDS", "limit", "parser"]
