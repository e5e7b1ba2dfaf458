"""Finds what a `Get` or `Std:JsonGet` of a definition names, and of which type it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleetcast.errors import FleetcastError
from pipeline.check.arguments import ALIASES
from pipeline.check.known_files import paths_of
from pipeline.check.problem import among, shown
from pipeline.check.step_types import CALLS, EXECUTION_VARIABLES, output_members
from pipeline.definition import Key, Path, all_steps, function_of, objects, parse_get, parse_parts

TYPES_OF_PARAMETERS: Final = {
    "String": "string",
    "Integer": "integer",
    "Float": "float",
    "Boolean": "boolean",
}


class UnknownReferenceError(FleetcastError, LookupError):
    """A reference names nothing; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Parameters and steps of a definition by name."""

    parameters: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, Mapping[str, Any]]
    _types: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> "Lookup":
        """Return what a definition declares."""
        return cls(
            parameters={str(each.get("Name")): each for each in objects(definition.get("Parameters"))},
            steps={str(step.get("Name")): step for step, _ in all_steps(definition.get("Steps"))},
        )

    def type_of(self, function: Mapping[str, Any]) -> str | None:
        """Return the type of a function's value; None where it is not known."""
        match function_of(function):
            case "Std:Join":
                return "string"
            case "Get":
                try:
                    return self.resolve(function["Get"])
                except UnknownReferenceError:
                    return None  # it is a problem of its own
            case _:
                return None

    def resolve(self, text: object) -> str | None:
        """Return the type of what a `Get` names, None where it is not known; raise for what is not there."""
        path = parse_get(text)
        if path is None:
            raise UnknownReferenceError(
                f"{shown(text)} is no reference; accepted: Parameters.NAME, Execution.NAME, "
                "Steps.NAME.PROPERTY, with [0] for lists and ['name'] for named items"
            )
        match path.root:
            case "Parameters":
                return self._parameter(path)
            case "Execution":
                if path.name not in EXECUTION_VARIABLES or path.parts:
                    raise UnknownReferenceError(
                        f"{text} is no execution variable; {among(EXECUTION_VARIABLES, path.name)}"
                    )
                return "string"
            case _:
                return self._property(path)

    def _parameter(self, path: Path) -> str | None:
        if path.name not in self.parameters or path.parts:
            raise UnknownReferenceError(
                f"there is no parameter {path.name}; {among(self.parameters, path.name)}"
            )
        return TYPES_OF_PARAMETERS.get(str(self.parameters[path.name].get("Type")))

    def _step(self, name: str) -> Mapping[str, Any]:
        if name not in self.steps:
            raise UnknownReferenceError(f"there is no step {name}; {among(self.steps, name)}")
        return self.steps[name]

    def _property(self, path: Path) -> str | None:
        step = self._step(path.name)
        kind = CALLS.get(str(step.get("Type")))
        if path.parts[:1] == ("OutputParameters",) and kind is None:
            return _output_parameter(step, path)
        if kind is None or not kind.properties or not path.parts:
            if step.get("Type") in ("Condition", "Fail") or not path.parts:
                raise UnknownReferenceError(f"Steps.{path.name} names no property of a step")
            return None
        first, *rest = path.parts
        members = output_members(kind)
        if not isinstance(first, str) or first not in members:
            raise UnknownReferenceError(
                f"{first} is no property of the {step.get('Type')} step {path.name}; {among(members, first)}"
            )
        arguments = step.get("Arguments")
        own = arguments.get(first) if isinstance(arguments, Mapping) else None
        return _walk(members[first], rest, own, f"Steps.{path.name}.{first}")

    def check_file_value(self, function: Mapping[str, Any]) -> None:
        """Raise for a `Std:JsonGet` whose file or path is not there."""
        content = function["Std:JsonGet"]
        if not isinstance(content, Mapping) or not isinstance(content.get("Path"), str):
            raise UnknownReferenceError("Std:JsonGet needs PropertyFile and Path")
        text = content["Path"]
        if parse_parts(text if text.startswith("[") else f".{text}") is None:
            raise UnknownReferenceError(f"Path {shown(text)} is none; write it as a.b[0].c")
        if "S3Uri" in content:
            return
        step_name, name = _file_of(content.get("PropertyFile"))
        step = self._step(step_name)
        files = {str(each.get("PropertyFileName")): each for each in objects(step.get("PropertyFiles"))}
        if name not in files:
            raise UnknownReferenceError(
                f"the step {step_name} has no property file {name}; {among(files, name)}"
            )
        known = paths_of(step, str(files[name].get("FilePath")))
        if known is not None and text not in known:
            raise UnknownReferenceError(
                f"Path {text} is not in {files[name].get('FilePath')}; {among(sorted(known), text)}"
            )


def _file_of(reference: Any) -> tuple[str, str]:  # noqa: ANN401 -- JSON
    """Return the names of the step and of its property file."""
    path = parse_get(reference.get("Get")) if isinstance(reference, Mapping) else None
    match path:
        case Path("Steps", step, ("PropertyFiles", str(name))):
            return step, name
        case _:
            accepted = "{'Get': 'Steps.NAME.PropertyFiles.FILE'}"
            raise UnknownReferenceError(f"PropertyFile {shown(reference)} is none; accepted: {accepted}")


def _output_parameter(step: Mapping[str, Any], path: Path) -> str | None:
    declared = {str(each.get("OutputName")): each for each in objects(step.get("OutputParameters"))}
    key = path.parts[1] if len(path.parts) > 1 else None
    name = key.text if isinstance(key, Key) else key
    if name not in declared:
        raise UnknownReferenceError(
            f"the step {path.name} has no output parameter {name}; {among(declared, name)}"
        )
    return TYPES_OF_PARAMETERS.get(str(declared[str(name)].get("OutputType")))


def _walk(shape: Any, parts: list[str | int | Key], own: Any, place: str) -> str:  # noqa: ANN401 -- botocore's shape, JSON
    """Return the type at the end of a path through a shape; `own` is what the arguments have there."""
    for part in parts:
        here = f"{place}[{part!r}]" if isinstance(part, int) else f"{place}.{part}"
        match shape.type_name, part:
            case "structure", str():
                if part not in shape.members:
                    raise UnknownReferenceError(
                        f"{part} is no member of {place}; {among(shape.members, part)}"
                    )
                shape, own = shape.members[part], own.get(part) if isinstance(own, Mapping) else None
            case "list", int():
                shape, own = shape.member, own[part] if isinstance(own, list) and part < len(own) else None
            case "list", Key():
                own = _named(own, part.text, place)
                shape, here = shape.member, f"{place}['{part.text}']"
            case "map", Key() | str():
                shape, own = shape.value, None
            case _:
                raise UnknownReferenceError(f"{place} is {shape.type_name}, which has no {part!r}")
        place = here
    kind = str(shape.type_name)
    return ALIASES.get(kind, kind)


def _named(items: Any, name: str, place: str) -> Any:  # noqa: ANN401 -- JSON
    """Return the item of a list of arguments that has a name; None where the arguments do not tell."""
    if not isinstance(items, list):
        return None
    names = [_name_of(each) for each in items]
    if name not in names:
        raise UnknownReferenceError(f"{place} has no {name!r}; {among(filter(None, names), name)}")
    return items[names.index(name)]


def _name_of(item: Any) -> str:  # noqa: ANN401 -- JSON
    """Return the name of an item: its member that ends so, such as OutputName or ChannelName."""
    if not isinstance(item, Mapping):
        return ""
    return next((str(each) for field, each in item.items() if field.endswith("Name")), "")
