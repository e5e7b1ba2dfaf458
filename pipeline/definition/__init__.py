"""Options in, SageMaker's definition of the fleet's pipeline out."""

from pipeline.definition.fleet import METRICS, fleet_pipeline
from pipeline.definition.options import FleetOptions
from pipeline.definition.references import (
    Key,
    Path,
    all_steps,
    function_of,
    nested_steps,
    objects,
    own_values,
    parse_get,
    parse_parts,
    steps_used,
    walk,
)
from pipeline.definition.steps import VERSION, Pipeline

__all__ = [
    "METRICS",
    "VERSION",
    "FleetOptions",
    "Key",
    "Path",
    "Pipeline",
    "all_steps",
    "fleet_pipeline",
    "function_of",
    "nested_steps",
    "objects",
    "own_values",
    "parse_get",
    "parse_parts",
    "steps_used",
    "walk",
]
