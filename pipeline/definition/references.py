"""Finds what a definition refers to: parameters, execution variables, properties and files of steps."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

FUNCTIONS: Final = ("Get", "Std:Join", "Std:JsonGet")
_HEAD: Final = re.compile(r"(Parameters|Execution|Steps)\.([A-Za-z0-9_-]+)")
_PART: Final = re.compile(r"\.([A-Za-z0-9_:-]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


@dataclass(frozen=True, slots=True)
class Key:
    """A part of a path that chooses an item of a list or a map by its name, such as `['evaluation']`."""

    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A path of a `Get`, in its parts: `Steps.Train.ModelArtifacts.S3ModelArtifacts`."""

    root: str
    """Parameters, Execution or Steps."""
    name: str
    parts: tuple[str | int | Key, ...] = ()
    """Members as texts, places in lists as numbers."""


def parse_get(text: object) -> Path | None:
    """Return the parts of a path; None where it is malformed."""
    head = _HEAD.match(text) if isinstance(text, str) else None
    if head is None or not isinstance(text, str):
        return None
    parts = parse_parts(text[head.end() :])
    return None if parts is None else Path(head[1], head[2], parts)


def parse_parts(text: str) -> tuple[str | int | Key, ...] | None:
    """Return the parts of `.a[0]['b']`; None where it is malformed."""
    parts: list[str | int | Key] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        member, place, *keys = part.groups()
        if member is not None:
            parts.append(member)
        elif place is not None:
            parts.append(int(place))
        else:
            parts.append(Key(next(each for each in keys if each is not None)))
        at = part.end()
    return tuple(parts)


def function_of(value: object) -> str | None:
    """Return which of `FUNCTIONS` a value is; None for anything else."""
    if isinstance(value, Mapping) and len(value) == 1:
        name = next(iter(value))
        return name if name in FUNCTIONS else None
    return None


def walk(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- whatever JSON holds
    """Yield every value that is a function, with its place, those inside other functions too."""
    if function_of(value):
        yield place, value
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from walk(each, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from walk(each, f"{place}[{index}]")


def objects(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- whatever JSON holds
    """Return the objects in a list; none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def steps_used(value: Any) -> set[str]:  # noqa: ANN401 -- whatever JSON holds
    """Return the names of the steps whose properties or files a value refers to."""
    found = set()
    for _, function in walk(value):
        path = parse_get(function.get("Get"))
        if path is not None and path.root == "Steps":
            found.add(path.name)
    return found


def nested_steps(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps inside a condition step, of both of its branches."""
    arguments = step.get("Arguments")
    if step.get("Type") != "Condition" or not isinstance(arguments, Mapping):
        return []
    return [*objects(arguments.get("IfSteps")), *objects(arguments.get("ElseSteps"))]


def all_steps(steps: Any) -> Iterator[tuple[dict[str, Any], str]]:  # noqa: ANN401 -- whatever JSON holds
    """Yield each step with the name of the condition step that it lies in, or an empty text."""
    for step in objects(steps):
        yield from _with_nested(step, "")


def _with_nested(step: dict[str, Any], inside: str) -> Iterator[tuple[dict[str, Any], str]]:
    yield step, inside
    for each in nested_steps(step):
        yield from _with_nested(each, str(step.get("Name", "")))


def own_values(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step itself refers with: its fields without the steps inside of it."""
    arguments = step.get("Arguments")
    if step.get("Type") == "Condition" and isinstance(arguments, Mapping):
        arguments = {name: each for name, each in arguments.items() if name not in ("IfSteps", "ElseSteps")}
    return {**step, "Arguments": arguments}
