"""Values that SageMaker fills in when a pipeline runs: parameters, properties of steps, joined texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Get:
    """A parameter, an execution variable or a property of a step, such as `Parameters.Image`."""

    path: str

    def as_json(self) -> dict[str, Any]:
        """Return the value as the definition has it."""
        return {"Get": self.path}


@dataclass(frozen=True, slots=True)
class Join:
    """Texts and other values, joined to one text by `on`."""

    values: tuple["Value", ...]
    on: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the value as the definition has it."""
        return {"Std:Join": {"On": self.on, "Values": [as_json(each) for each in self.values]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonGet:
    """A value in a file that a processing step writes; `path` has dots, such as `fleet.customers.value`."""

    step: str
    property_file: str
    path: str

    def as_json(self) -> dict[str, Any]:
        """Return the value as the definition has it."""
        file = {"Get": f"Steps.{self.step}.PropertyFiles.{self.property_file}"}
        return {"Std:JsonGet": {"PropertyFile": file, "Path": self.path}}


Reference: TypeAlias = Get | Join | JsonGet
Value: TypeAlias = str | int | float | bool | Reference

EXECUTION_ID: Final = Get("Execution.PipelineExecutionId")
PIPELINE_NAME: Final = Get("Execution.PipelineName")


def text_of(value: Value) -> Join:
    """Return a number as a text, for arguments and hyperparameters, which are texts."""
    return Join((value,))


def as_json(value: object) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Return a value, or a list or mapping of values, as the definition has it."""
    if isinstance(value, Get | Join | JsonGet):
        return value.as_json()
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value


ParameterType: TypeAlias = Literal["String", "Integer", "Float", "Boolean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that each execution of the pipeline may set; without a default each must."""

    name: str
    type: ParameterType
    default: str | int | float | bool | None = None
    choices: tuple[str, ...] = ()
    """The accepted values of a String; empty for any."""

    @property
    def value(self) -> Get:
        """The parameter's value, to be used in steps."""
        return Get(f"Parameters.{self.name}")

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as the definition has it."""
        declared: dict[str, Any] = {"Name": self.name, "Type": self.type}
        if self.default is not None:
            declared["DefaultValue"] = self.default
        if self.choices:
            declared["EnumValues"] = list(self.choices)
        return declared
