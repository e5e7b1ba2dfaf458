"""A pipeline definition in, everything that is wrong with it out."""

from pipeline.check.definition import check
from pipeline.check.parameters import TYPES as PARAMETER_TYPES
from pipeline.check.parameters import is_of_type
from pipeline.check.problem import Problem

__all__ = ["PARAMETER_TYPES", "Problem", "check", "is_of_type"]
