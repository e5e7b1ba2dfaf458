"""Checks a whole pipeline definition, before SageMaker does it or instead."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.check.arguments import compare
from pipeline.check.conditions import check_condition
from pipeline.check.graph import check_graph
from pipeline.check.lookup import Lookup, UnknownReferenceError
from pipeline.check.parameters import check_parameters
from pipeline.check.problem import Problem, among, shown
from pipeline.check.step_fields import check_fields
from pipeline.check.step_types import CALLS, input_shape
from pipeline.definition import VERSION, all_steps, function_of, own_values, walk

FIELDS: Final = ("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps")
EXPERIMENT_FIELDS: Final = ("ExperimentName", "TrialName")


def check(definition: object) -> list[Problem]:
    """Return everything that is wrong with a definition, in the order of its steps; empty if nothing is."""
    if not isinstance(definition, Mapping):
        return [Problem("", "", f"a definition must be an object, not {shown(definition)}")]
    steps = [str(step.get("Name")) for step, _ in all_steps(definition.get("Steps"))]
    problems = dict.fromkeys((*_whole(definition), *check_graph(definition), *_steps(definition)))
    return sorted(problems, key=lambda each: steps.index(each.step) if each.step in steps else -1)


def _whole(definition: Mapping[str, Any]) -> Iterator[Problem]:
    for field in definition:
        if field not in FIELDS:
            yield Problem("", field, f"is not known; {among(FIELDS, field)}")
    if definition.get("Version") != VERSION:
        yield Problem("", "Version", f"is {shown(definition.get('Version'))}; accepted: {VERSION}")
    steps = definition.get("Steps")
    if not isinstance(steps, list) or not steps or any(not isinstance(each, dict) for each in steps):
        yield Problem("", "Steps", "must be a list of at least one step")
    for place, text in check_parameters(definition.get("Parameters", [])):
        yield Problem("", place, text)
    experiment = definition.get("PipelineExperimentConfig")
    if experiment is not None:
        lookup = Lookup.of(definition)
        if not isinstance(experiment, Mapping) or set(experiment) - set(EXPERIMENT_FIELDS):
            yield Problem("", "PipelineExperimentConfig", among(EXPERIMENT_FIELDS))
        yield from _references(experiment, "", "PipelineExperimentConfig", lookup)


def _steps(definition: Mapping[str, Any]) -> Iterator[Problem]:
    lookup = Lookup.of(definition)
    for step, _ in all_steps(definition.get("Steps")):
        name = str(step.get("Name"))
        for place, text in (*check_fields(step), *_arguments(step, lookup)):
            yield Problem(name, place, text)
        yield from _references(own_values(step), name, "", lookup)


def _arguments(step: Mapping[str, Any], lookup: Lookup) -> Iterator[tuple[str, str]]:
    kind, arguments = str(step.get("Type")), step.get("Arguments")
    if not isinstance(arguments, Mapping):
        return
    if kind in CALLS:
        call = CALLS[kind]
        shape = input_shape(call.call)
        yield from compare(arguments, shape, "Arguments", lookup.type_of, without=call.name_field)
    elif kind == "Fail":
        message = arguments.get("ErrorMessage")
        if list(arguments) != ["ErrorMessage"] or not (isinstance(message, str) or function_of(message)):
            yield "Arguments", "must have ErrorMessage, a text, and nothing else"
    elif kind == "Condition":
        yield from _condition_step(arguments, lookup)


def _condition_step(arguments: Mapping[str, Any], lookup: Lookup) -> Iterator[tuple[str, str]]:
    fields = ("Conditions", "IfSteps", "ElseSteps")
    for field in arguments:
        if field not in fields:
            yield f"Arguments.{field}", f"is not known; {among(fields, field)}"
    for field in fields:
        if not isinstance(arguments.get(field), list):
            yield f"Arguments.{field}", f"must be a list, not {shown(arguments.get(field))}"
            return
    if not arguments["Conditions"]:
        yield "Arguments.Conditions", "must have at least one condition"
    for index, each in enumerate(arguments["Conditions"]):
        yield from check_condition(each, f"Arguments.Conditions[{index}]", lookup.type_of)


def _references(value: Any, step: str, place: str, lookup: Lookup) -> Iterator[Problem]:  # noqa: ANN401 -- JSON
    for where, function in walk(value, place):
        try:
            match function_of(function):
                case "Get" if not where.endswith(".Std:JsonGet.PropertyFile"):
                    lookup.resolve(function["Get"])
                case "Std:JsonGet":
                    lookup.check_file_value(function)
                case "Std:Join":
                    _check_join(function["Std:Join"])
        except UnknownReferenceError as error:
            yield Problem(step, where, str(error))


def _check_join(content: object) -> None:
    valid = isinstance(content, Mapping) and set(content) <= {"On", "Values"}
    if not (valid and isinstance(content, Mapping) and isinstance(content.get("Values"), list)):
        raise UnknownReferenceError("Std:Join needs On, a text, and Values, a list")
