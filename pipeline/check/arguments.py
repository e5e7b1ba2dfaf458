"""Compares a step's arguments with the shape of the call that SageMaker makes of them."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from pipeline.check.problem import among, shown
from pipeline.definition import function_of

Fault: TypeAlias = tuple[str, str]
"""Place and text."""
TypeOf: TypeAlias = Callable[[Any], str | None]
"""Returns the type of a function's value: string, integer, float, boolean, structure …; None if not known."""
WORDS: Final = {
    "string": "a text",
    "integer": "a whole number",
    "float": "a number",
    "boolean": "true or false",
    "structure": "an object",
    "map": "an object",
    "list": "a list",
    "timestamp": "a time",
    "blob": "a text",
}
ALIASES: Final = {"long": "integer", "double": "float"}
ACCEPTED: Final = {"float": {"float", "integer"}, "timestamp": {"timestamp", "string"}}
PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "timestamp": (str, int, float),
    "blob": (str,),
}


def compare(value: Any, shape: Any, place: str, type_of: TypeOf, *, without: str = "") -> Iterator[Fault]:  # noqa: ANN401 -- JSON, and botocore's shape
    """Yield what in a value does not fit a shape; the member `without` may be missing."""
    kind = ALIASES.get(shape.type_name, shape.type_name)
    if wrong := _wrong_type(value, kind, type_of):
        yield place, wrong
        return
    match "" if function_of(value) else kind:
        case "structure":
            yield from _structure(value, shape, place, type_of, without)
        case "map":
            for name, each in value.items():
                yield from compare(each, shape.value, f"{place}.{name}", type_of)
        case "list":
            yield from _length(value, shape, place, "items")
            for index, each in enumerate(value):
                yield from compare(each, shape.member, f"{place}[{index}]", type_of)
        case "string":
            yield from _text(value, shape, place)
        case "integer" | "float":
            yield from _range(value, shape, place)


def _wrong_type(value: Any, kind: str, type_of: TypeOf) -> str:  # noqa: ANN401 -- JSON
    """Return why a value is not of a kind, an empty text where it is."""
    if function_of(value):
        given = type_of(value)
        if given is None or given in ACCEPTED.get(kind, {kind}):
            return ""
        return f"must be {WORDS[kind]}, and {shown(value)} is {WORDS.get(given, given)}"
    if not isinstance(value, PYTHON[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"must be {WORDS[kind]}, not {shown(value)}"
    return ""


def _structure(value: Any, shape: Any, place: str, type_of: TypeOf, without: str) -> Iterator[Fault]:  # noqa: ANN401 -- as above
    for name, each in value.items():
        inner = f"{place}.{name}"
        if name in shape.members:
            yield from compare(each, shape.members[name], inner, type_of)
        else:
            yield inner, f"is not known to SageMaker; {among(shape.members, name)}"
    for name in shape.required_members:
        if name not in value and name != without:
            yield place, f"needs {name}"


def _text(value: str, shape: Any, place: str) -> Iterator[Fault]:  # noqa: ANN401 -- as above
    if shape.enum and value not in shape.enum:
        yield place, f"is {shown(value)}; {among(shape.enum, value)}"
        return
    pattern = shape.metadata.get("pattern")
    if pattern and not shape.enum and not _matches(pattern, value):
        yield place, f"is {shown(value)}; it must match {pattern}"
    yield from _length(value, shape, place, "characters")


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:  # some patterns use classes that Python's expressions do not have, such as \p{L}
        return True


def _length(value: Any, shape: Any, place: str, unit: str) -> Iterator[Fault]:  # noqa: ANN401 -- as above
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least:
        yield place, f"must have at least {least} {unit}, not {len(value)}"
    if most is not None and len(value) > most:
        yield place, f"must have at most {most} {unit}, not {len(value)}"


def _range(value: float, shape: Any, place: str) -> Iterator[Fault]:  # noqa: ANN401 -- as above
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield place, f"must be at least {least}, not {value}"
    if most is not None and value > most:
        yield place, f"must be at most {most}, not {value}"
