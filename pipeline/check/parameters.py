"""Checks the declarations of parameters: names, types, defaults, choices."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.check.arguments import Fault
from pipeline.check.problem import among, shown

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FIELDS: Final = ("Name", "Type", "DefaultValue", "EnumValues")
TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "String": ((str,), "a text"),
    "Integer": ((int,), "a whole number"),
    "Float": ((int, float), "a number"),
    "Boolean": ((bool,), "true or false"),
}


def check_parameters(parameters: Any) -> Iterator[Fault]:  # noqa: ANN401 -- JSON
    """Yield what is wrong with the parameters of a definition."""
    if not isinstance(parameters, list):
        yield "Parameters", f"must be a list, not {shown(parameters)}"
        return
    names = Counter(str(each.get("Name")) for each in parameters if isinstance(each, Mapping))
    for name, count in names.items():
        if count > 1:
            yield "Parameters", f"{count} parameters have the name {name}; each name is for one"
    for index, each in enumerate(parameters):
        yield from _parameter(each, f"Parameters[{index}]")


def _parameter(declared: Any, place: str) -> Iterator[Fault]:  # noqa: ANN401 -- JSON
    if not isinstance(declared, Mapping) or not isinstance(declared.get("Name"), str):
        yield place, f"needs Name and Type, and is {shown(declared)}"
        return
    place = f"Parameters.{declared['Name']}"
    if not _NAME.fullmatch(declared["Name"]):
        yield place, "has a name with other characters than letters, digits, _ and -"
    for field in declared:
        if field not in _FIELDS:
            yield f"{place}.{field}", f"is not known; {among(_FIELDS, field)}"
    kind = declared.get("Type")
    if not isinstance(kind, str) or kind not in TYPES:
        yield f"{place}.Type", f"is {shown(kind)}; {among(TYPES, kind)}"
        return
    choices = declared.get("EnumValues")
    if choices is not None and (kind != "String" or not isinstance(choices, list)):
        yield f"{place}.EnumValues", "must be a list, and only a String has one"
        return
    if "DefaultValue" in declared:
        default = declared["DefaultValue"]
        if not is_of_type(default, kind):
            yield f"{place}.DefaultValue", f"must be {TYPES[kind][1]}, not {shown(default)}"
        elif choices is not None and default not in choices:
            yield f"{place}.DefaultValue", f"is {shown(default)}; {among(choices, default)}"


def is_of_type(value: object, kind: str) -> bool:
    """Return whether a value may be that of a parameter."""
    return isinstance(value, TYPES[kind][0]) and (isinstance(value, bool) == (kind == "Boolean"))
