"""A pipeline definition in, a picture of its steps out."""

from pipeline.picture.drawing import svg

__all__ = ["svg"]
