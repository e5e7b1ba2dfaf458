"""The program `ingest`: puts raw readings into a SageMaker feature group, or deletes customers' readings."""

from processing.ingest.program import parser

__all__ = ["parser"]
