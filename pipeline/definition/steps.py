"""The steps of a pipeline, and what SageMaker does with each: caching, retries, files to read values from."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from pipeline.definition.values import Get, Parameter, Value, as_json

VERSION: Final = "2020-12-01"
"""Of SageMaker's pipeline definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When SageMaker tries a step again; exactly one of `max_attempts` and `expire_after_minutes` is set."""

    exceptions: tuple[str, ...]
    interval_seconds: int = 1
    backoff_rate: float = 2.0
    max_attempts: int | None = None
    expire_after_minutes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the policy as the definition has it."""
        declared: dict[str, Any] = {
            "BackoffRate": self.backoff_rate,
            "IntervalSeconds": self.interval_seconds,
        }
        if self.max_attempts is not None:
            declared["MaxAttempts"] = self.max_attempts
        if self.expire_after_minutes is not None:
            declared["ExpireAfterMin"] = self.expire_after_minutes
        return declared | {"ExceptionType": list(self.exceptions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyFile:
    """A JSON file in an output of a processing step, whose values conditions may read."""

    name: str
    output: str
    path: str

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as the definition has it."""
        return {"PropertyFileName": self.name, "OutputName": self.output, "FilePath": self.path}


class Step(Protocol):
    """Anything that a pipeline runs."""

    @property
    def name(self) -> str:
        """The name, unique in the pipeline."""

    def as_json(self) -> dict[str, Any]:
        """Return the step as the definition has it."""


JobType: TypeAlias = Literal["Processing", "Training", "Tuning", "RegisterModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A job or a call of SageMaker, with the arguments of that call."""

    name: str
    type: JobType
    arguments: dict[str, Any]
    cache: str = ""
    """How long an equal execution's result is used again, in ISO 8601, such as P30D; empty for never."""
    retries: tuple[Retry, ...] = ()
    property_files: tuple[PropertyFile, ...] = ()
    depends_on: tuple[str, ...] = ()
    """Names of steps that must end before, beside those whose properties the arguments use."""

    def as_json(self) -> dict[str, Any]:
        """Return the step as the definition has it."""
        step: dict[str, Any] = {
            "Name": self.name,
            "Type": self.type,
            "Arguments": as_json(self.arguments),
        }
        if self.depends_on:
            step["DependsOn"] = list(self.depends_on)
        if self.retries:
            step["RetryPolicies"] = [each.as_json() for each in self.retries]
        if self.cache:
            step["CacheConfig"] = {"Enabled": True, "ExpireAfter": self.cache}
        if self.property_files:
            step["PropertyFiles"] = [each.as_json() for each in self.property_files]
        return step

    def property(self, path: str) -> Get:
        """Return a property that the step has once it has run, such as `ModelArtifacts.S3ModelArtifacts`."""
        return Get(f"Steps.{self.name}.{path}")

    def output(self, name: str) -> Get:
        """Return the address in S3 of an output of a processing step."""
        return self.property(f"ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


Comparison: TypeAlias = Literal[
    "Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"
]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of two values."""

    left: Value
    type: Comparison
    right: Value

    def as_json(self) -> dict[str, Any]:
        """Return the condition as the definition has it."""
        return {"Type": self.type, "LeftValue": as_json(self.left), "RightValue": as_json(self.right)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionStep:
    """Runs `if_steps` where all conditions hold, and `else_steps` otherwise."""

    name: str
    conditions: tuple[Condition, ...]
    if_steps: tuple[Step, ...]
    else_steps: tuple[Step, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the step as the definition has it."""
        arguments = {
            "Conditions": [each.as_json() for each in self.conditions],
            "IfSteps": [each.as_json() for each in self.if_steps],
            "ElseSteps": [each.as_json() for each in self.else_steps],
        }
        return {"Name": self.name, "Type": "Condition", "Arguments": arguments}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailStep:
    """Ends the execution as failed, with a message."""

    name: str
    message: Value

    def as_json(self) -> dict[str, Any]:
        """Return the step as the definition has it."""
        return {"Name": self.name, "Type": "Fail", "Arguments": {"ErrorMessage": as_json(self.message)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline: its name, its parameters and its steps, in the order in which people read them."""

    name: str
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]
    experiment: dict[str, Value] = field(
        default_factory=lambda: {
            "ExperimentName": Get("Execution.PipelineName"),
            "TrialName": Get("Execution.PipelineExecutionId"),
        }
    )

    def as_json(self) -> dict[str, Any]:
        """Return SageMaker's pipeline definition."""
        return {
            "Version": VERSION,
            "Metadata": {},
            "Parameters": [each.as_json() for each in self.parameters],
            "PipelineExperimentConfig": as_json(self.experiment),
            "Steps": [each.as_json() for each in self.steps],
        }
