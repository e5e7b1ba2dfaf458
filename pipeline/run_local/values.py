"""Replaces references in a definition by values: parameters, properties of steps, contents of files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from container import quoted, read_json_object
from fleetcast.errors import InputError, SettingError
from pipeline.check import PARAMETER_TYPES, is_of_type
from pipeline.definition import Key, all_steps, function_of, objects, parse_get, parse_parts
from pipeline.run_local.workspace import Workspace

PLACEHOLDERS: Final = {"Image": "fleetcast", "Role": "local", "Bucket": "local"}
"""Values of parameters that nothing reads on one machine, where neither default nor option sets them."""
_MISSING: Final = object()


def parameter_values(definition: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter; raise SettingError for what is not accepted or missing."""
    declared = {str(each["Name"]): each for each in objects(definition.get("Parameters"))}
    if unknown := sorted(given.keys() - declared.keys()):
        raise SettingError(f"there is no parameter {unknown[0]}; accepted: {', '.join(declared)}")
    values = {}
    missing = []
    for name, each in declared.items():
        if name in given:
            values[name] = _typed(name, given[name], each)
        elif "DefaultValue" in each:
            values[name] = each["DefaultValue"]
        elif name in PLACEHOLDERS:
            values[name] = PLACEHOLDERS[name]
        else:
            missing.append(name)
    if missing:
        raise SettingError(f"set {' and '.join(f'--parameter {name}=…' for name in missing)}")
    return values


def _typed(name: str, text: str, declared: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- of four types
    kind = str(declared["Type"])
    value: Any = text
    try:
        if kind in ("Integer", "Float"):
            value = int(text) if kind == "Integer" else float(text)
        elif kind == "Boolean":
            value = {"true": True, "false": False}.get(text.lower())
    except ValueError:
        value = None
    if not is_of_type(value, kind):
        raise SettingError(f"--parameter {name} must be {PARAMETER_TYPES[kind][1]}, not {text!r}")
    choices = declared.get("EnumValues")
    if choices and value not in choices:
        raise SettingError(f"--parameter {name} must be one of {', '.join(choices)}, not {text!r}")
    return value


@dataclass(frozen=True, slots=True)
class Values:
    """What references stand for, as far as the execution has come."""

    workspace: Workspace
    definition: Mapping[str, Any]
    name: str
    parameters: Mapping[str, Any]
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Properties of the steps that have run, by name."""

    def resolve(self, value: Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
        """Return a value with all references replaced; raise InputError for what is not there yet."""
        match function_of(value):
            case "Get":
                return self._get(value["Get"])
            case "Std:Join":
                join = value["Std:Join"]
                return str(join.get("On", "")).join(_text(self.resolve(each)) for each in join["Values"])
            case "Std:JsonGet":
                return self._from_file(value["Std:JsonGet"])
        if isinstance(value, Mapping):
            return {name: self.resolve(each) for name, each in value.items()}
        return [self.resolve(each) for each in value] if isinstance(value, list) else value

    def _get(self, text: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        path = parse_get(text)
        if path is None:
            raise InputError(f"{quoted(text)} is no reference")
        if path.root == "Parameters":
            return self.parameters[path.name]
        if path.root == "Execution":
            return self._execution(path.name)
        if path.name not in self.properties:
            raise InputError(f"{text} is not known: the step {path.name} has not run")
        found = _at(self.properties[path.name], path.parts)
        if found is _MISSING:
            raise InputError(f"{text} is not known: a local run does not have this property")
        return found

    def _execution(self, name: str) -> str:
        arn = f"arn:aws:sagemaker:local:000000000000:pipeline/{self.name}"
        known = {
            "PipelineName": self.name,
            "PipelineArn": arn,
            "PipelineExecutionId": self.workspace.execution_id,
            "PipelineExecutionArn": f"{arn}/execution/{self.workspace.execution_id}",
            "StartDateTime": self.workspace.started,
            "CurrentDateTime": self.workspace.started,
        }
        if name not in known:
            raise InputError(f"Execution.{name} is not known in a local run; accepted: {', '.join(known)}")
        return known[name]

    def _from_file(self, content: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- whatever JSON holds
        text = str(content["Path"])
        if "S3Uri" in content:
            file = self.workspace.local(self.resolve(content["S3Uri"]))
        else:
            file = self._property_file(content["PropertyFile"]["Get"])
        if not file.is_file():
            raise InputError(f"there is no {quoted(file)}, from which a condition reads {text}")
        found = _at(read_json_object(file), parse_parts(text if text[:1] == "[" else f".{text}") or ())
        if found is _MISSING:
            raise InputError(f"{quoted(file)} has no {text}, which a condition reads")
        return found

    def _property_file(self, reference: str) -> Path:
        path = parse_get(reference)
        if path is None or path.name not in self.properties:
            raise InputError(f"{reference} is not known: its step has not run")
        named = {str(step.get("Name")): step for step, _ in all_steps(self.definition["Steps"])}
        files = {each["PropertyFileName"]: each for each in objects(named[path.name]["PropertyFiles"])}
        declared = files[path.parts[1]]
        outputs = self.properties[path.name]["ProcessingOutputConfig"]["Outputs"]
        uri = _at(outputs, (Key(declared["OutputName"]), "S3Output", "S3Uri"))
        return self.workspace.local(uri) / str(declared["FilePath"])


def _text(value: Any) -> str:  # noqa: ANN401 -- whatever JSON holds
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(value: Any, parts: tuple[str | int | Key, ...]) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Return what lies at the end of a path, or `_MISSING`."""
    for part in parts:
        if isinstance(part, Key) and isinstance(value, list):
            named = (each for each in value if isinstance(each, Mapping) and part.text in each.values())
            value = next(named, _MISSING)
        elif isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else _MISSING
        else:
            name = part.text if isinstance(part, Key) else part
            value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
    return value
