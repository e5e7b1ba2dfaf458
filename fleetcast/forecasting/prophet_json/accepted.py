"""What a declared field accepts, in words: for the refusal of a text and for the documentation's table."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from msgspec import inspect

from fleetcast.forecasting.prophet_json.schema import ProphetJson

_STEP: Final = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
"""A part of msgspec's path: a field `.params`, an item `[0]`, or a value of an object `[...]`."""
_WRONG_FIELD: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`")
_DECLARATION: Final = "[1][...]"
"""The path from a pair of names and declarations to one of the declarations."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The kind of a value, such as "number", and its limits, such as "from 0 to 1"."""

    kind: str
    limits: str = ""

    def __str__(self) -> str:
        """Return both as the end of a sentence that begins with "it must be"."""
        if self.limits.startswith("one of"):
            return self.limits
        return f"{'an' if self.kind[0] in 'ao' else 'a'} {self.kind} {self.limits}".rstrip()


def refusal(problem: str, declared: Any, *, inside: str = "") -> str:  # noqa: ANN401 - any declared type
    """Return msgspec's "Expected `float` >= 0.0 - at `$.y_scale`" as a sentence about the field.

    `inside` names the field that holds the text, if that is not the whole model.
    """
    what, _, path = problem.partition(" - at `$")
    path = path.rstrip("`")
    if (field := _WRONG_FIELD.fullmatch(what)) is not None:
        place = _place(f"{inside}{path}.{field[2]}")
        return (
            f"{place} is missing" if field[1] == "missing required" else f"{place} is not a field of Prophet"
        )
    return f"{_place(inside + path) or 'it'} must be {_accepted(_follow(path, inspect.type_info(declared)))}"


def _place(path: str) -> str:
    return path.replace(f"{_DECLARATION}.", ".").lstrip(".")


def field_table() -> str:
    """Return the fields of a model's JSON as a table in Markdown: field, type, limits, meaning."""
    model = cast("inspect.StructType", inspect.type_info(ProphetJson))
    rows = [
        f"| `{name}` | {accepted.kind} | {accepted.limits} | {meaning} |"
        for name, accepted, meaning in _fields(model)
    ]
    return "\n".join(["| field | type | limits | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _fields(struct: inspect.StructType, prefix: str = "") -> Iterator[tuple[str, Accepted, str]]:
    """Yield name, accepted values and meaning of each field, and of the fields of the objects in it."""
    for field in struct.fields:
        name = f"{prefix}{field.encode_name}"
        metadata = cast("inspect.Metadata", field.type)
        yield name, _accepted(metadata), cast("dict[str, str]", metadata.extra_json_schema)["description"]
        for each in _alternatives(metadata):
            inner = _follow(_DECLARATION, each) if isinstance(each, inspect.TupleType) else each
            if isinstance(inner, inspect.StructType):
                yield from _fields(inner, f"{name}.")


def _alternatives(declared: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(declared, inspect.Metadata):
        return _alternatives(declared.type)
    return declared.types if isinstance(declared, inspect.UnionType) else (declared,)


def _follow(path: str, declared: inspect.Type) -> inspect.Type:
    """Return the type that is declared at the end of msgspec's path."""
    for name, item in _STEP.findall(path):
        for each in _alternatives(declared):
            match each:
                case inspect.StructType(fields=fields) if name:
                    declared = next(field.type for field in fields if field.encode_name == name)
                case inspect.TupleType(item_types=types) if item:
                    declared = types[int(item)]
                case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner) if item:
                    declared = inner
                case inspect.DictType(value_type=inner) if item:
                    declared = inner
    return declared


def _accepted(declared: inspect.Type) -> Accepted:
    every = [_accepted_alone(each) for each in _alternatives(declared)]
    if any(each.kind == "number" for each in every):
        every = [each for each in every if each.kind != "whole number"]
    limits = dict.fromkeys(each.limits for each in every if each.limits)
    return Accepted(_listed([each.kind for each in every]), ", ".join(limits))


def _accepted_alone(declared: inspect.Type) -> Accepted:  # noqa: PLR0911 - one for each type
    match declared:
        case inspect.BoolType():
            return Accepted("boolean")
        case inspect.StrType():
            return Accepted("text")
        case inspect.NoneType():
            return Accepted("null")
        case inspect.LiteralType(values=values):
            return Accepted("text", f"one of {', '.join(map(str, values))}")
        case inspect.IntType() | inspect.FloatType():
            is_whole = isinstance(declared, inspect.IntType) or declared.multiple_of == 1
            return Accepted("whole number" if is_whole else "number", _range(declared))
        case (
            inspect.ListType(item_type=item, max_length=most)
            | inspect.VarTupleType(item_type=item, max_length=most)
        ):
            kinds = [_accepted_alone(each).kind for each in _alternatives(item)]
            limits = [_accepted(item).limits, f"at most {most:,} of them" if most else ""]
            return Accepted(f"list of {_listed(map(_plural, kinds))}", ", ".join(filter(None, limits)))
        case inspect.TupleType():
            return Accepted("list", "of names and an object of declarations by name")
        case inspect.AnyType():
            return Accepted("any value")
        case _:
            return Accepted("object")


def _listed(kinds: Iterable[str]) -> str:
    *others, last = dict.fromkeys(kinds)
    return f"{', '.join(others)} or {last}" if others else last


def _plural(kind: str) -> str:
    return kind.replace("list", "lists", 1) if kind.startswith("list") else f"{kind}s"


def _range(declared: inspect.IntType | inspect.FloatType) -> str:
    low, high, below = (_number(limit) for limit in (declared.ge, declared.le, declared.lt))
    if not low:
        return ""
    return f"from {low} to {high or f'below {below}'}" if high or below else f"of at least {low}"


def _number(limit: float | None) -> str:
    return "" if limit is None else f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
