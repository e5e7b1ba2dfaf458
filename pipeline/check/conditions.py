"""Checks the conditions of condition steps: their types, their fields, and what is compared with what."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.check.arguments import WORDS, Fault, TypeOf
from pipeline.check.problem import among, shown
from pipeline.definition import function_of

ORDERS: Final = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
TYPES: Final = ("Equals", *ORDERS, "In", "Not", "Or")
_FIELDS: Final = {"In": ("QueryValue", "Values"), "Not": ("Condition",), "Or": ("Conditions",)}
_COMPARED: Final = ("LeftValue", "RightValue")


def check_condition(condition: Any, place: str, type_of: TypeOf) -> Iterator[Fault]:  # noqa: ANN401 -- JSON
    """Yield what is wrong with a condition and those inside of it."""
    if not isinstance(condition, Mapping):
        yield place, f"must be an object with Type, not {shown(condition)}"
        return
    kind = condition.get("Type")
    if kind not in TYPES:
        yield f"{place}.Type", f"is {shown(kind)}; {among(TYPES, kind)}"
        return
    fields = _FIELDS.get(str(kind), _COMPARED)
    if missing := [each for each in fields if each not in condition]:
        yield place, f"needs {' and '.join(missing)}"
        return
    if unknown := [each for each in condition if each not in (*fields, "Type")]:
        yield f"{place}.{unknown[0]}", f"is not known; {among((*fields, 'Type'), unknown[0])}"
    match kind:
        case "Not":
            yield from check_condition(condition["Condition"], f"{place}.Condition", type_of)
        case "Or":
            for index, each in enumerate(condition["Conditions"]):
                yield from check_condition(each, f"{place}.Conditions[{index}]", type_of)
        case "In":
            if not isinstance(condition["Values"], list):
                yield f"{place}.Values", f"must be a list, not {shown(condition['Values'])}"
        case _:
            yield from _comparison(condition, place, type_of)


def _comparison(condition: Mapping[str, Any], place: str, type_of: TypeOf) -> Iterator[Fault]:
    kinds = {}
    for name in _COMPARED:
        kind = _type(condition[name], type_of)
        kinds[name] = "number" if kind in ("integer", "float") else kind
        if condition["Type"] in ORDERS and kinds[name] not in ("number", None):
            yield (
                f"{place}.{name}",
                f"must be a number to be compared by {condition['Type']}, not {shown(condition[name])}",
            )
            return
    left, right = kinds.values()
    if left is not None and right is not None and left != right:
        kinds_in_words = " with ".join(WORDS.get(kind, f"a {kind}") for kind in (left, right))
        yield place, f"compares {kinds_in_words}, which are never equal"


def _type(value: Any, type_of: TypeOf) -> str | None:  # noqa: ANN401 -- JSON
    if function_of(value):
        return type_of(value)
    for kind, types in (("boolean", bool), ("integer", int), ("float", float), ("string", str)):
        if isinstance(value, types):
            return kind
    return "list or object"
