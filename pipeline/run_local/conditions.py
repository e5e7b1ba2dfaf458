"""Decides conditions of a pipeline, once their references are replaced by values."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetcast.errors import InputError

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def holds(condition: Mapping[str, Any]) -> bool:
    """Return whether a condition holds; raise InputError for an order of texts and numbers."""
    match condition["Type"]:
        case "Not":
            return not holds(condition["Condition"])
        case "Or":
            return any(map(holds, condition["Conditions"]))
        case "In":
            return condition["QueryValue"] in condition["Values"]
        case kind:
            try:
                return COMPARISONS[kind](condition["LeftValue"], condition["RightValue"])
            except TypeError as error:
                raise InputError(f"{in_words(condition)} compares what has no order") from error


def in_words(condition: Mapping[str, Any], declared: Mapping[str, Any] | None = None) -> str:
    """Return a condition as a sentence for the log; `declared` has its references."""
    names = condition if declared is None else declared
    match condition["Type"]:
        case "Not":
            return f"not ({in_words(condition['Condition'], names['Condition'])})"
        case "Or":
            return " or ".join(map(in_words, condition["Conditions"], names["Conditions"]))
        case "In":
            return f"{_named(condition, names, 'QueryValue')} in {condition['Values']}"
        case kind:
            left, right = (_named(condition, names, each) for each in ("LeftValue", "RightValue"))
            return f"{left} {kind} {right}"


def _named(condition: Mapping[str, Any], names: Mapping[str, Any], field: str) -> str:
    """Return a value, after the name of the reference that it stands for."""
    match names[field]:
        case {"Get": str(name)} | {"Std:JsonGet": {"Path": str(name)}}:
            return f"{name} ({condition[field]})"
    return str(condition[field])
