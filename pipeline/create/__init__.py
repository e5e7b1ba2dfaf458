"""A pipeline definition in, a pipeline of SageMaker's with it out, and an execution if it is wanted."""

from pipeline.create.pipeline import create_or_update, start

__all__ = ["create_or_update", "start"]
