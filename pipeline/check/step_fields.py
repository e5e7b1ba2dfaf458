"""Checks what a step has beside its arguments: name, type, caching, retries, property files."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.check.arguments import Fault
from pipeline.check.problem import among, shown
from pipeline.check.step_types import CACHED, CALLS, COMMON_FIELDS, RETRIED, TYPES
from pipeline.definition import objects

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DURATION: Final = re.compile(r"P(?=\w)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")
EXCEPTIONS: Final = (
    *("Step.SERVICE_FAULT", "Step.THROTTLING"),
    *("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
)
MOST_ATTEMPTS: Final = 20
MOST_MINUTES: Final = 14_400
_RETRY_FIELDS: Final = ("ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin")


def check_fields(step: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with a step's fields."""
    name, kind = step.get("Name"), step.get("Type")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "Name", f"is {shown(name)}; accepted: 1 to 64 letters, digits, _ and -"
    if kind not in TYPES:
        yield "Type", f"is {shown(kind)}; {among(TYPES, kind)}"
        return
    if not isinstance(step.get("Arguments"), Mapping):
        yield "Arguments", f"must be an object, not {shown(step.get('Arguments'))}"
    if kind in CALLS or kind in ("Condition", "Fail"):
        for field in step:
            if field not in COMMON_FIELDS:
                yield field, f"is not known in a {kind} step; {among(COMMON_FIELDS, field)}"
    yield from _cache(step, str(kind))
    yield from _retries(step, str(kind))
    yield from _property_files(step)


def _cache(step: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    cache = step.get("CacheConfig")
    if cache is None:
        return
    if kind not in CACHED:
        yield "CacheConfig", f"a {kind} step is not cached; accepted for {', '.join(CACHED)}"
        return
    if not isinstance(cache, Mapping) or not isinstance(cache.get("Enabled"), bool):
        yield "CacheConfig.Enabled", "must be true or false"
        return
    expiry = cache.get("ExpireAfter")
    if expiry is not None and not (isinstance(expiry, str) and _DURATION.fullmatch(expiry)):
        yield (
            "CacheConfig.ExpireAfter",
            f"is {shown(expiry)}; accepted: a duration in ISO 8601, such as P30D or PT12H",
        )


def _retries(step: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    policies = step.get("RetryPolicies")
    if policies is None:
        return
    if kind not in RETRIED:
        yield "RetryPolicies", f"a {kind} step is not tried again; accepted for {', '.join(RETRIED)}"
        return
    if not isinstance(policies, list):
        yield "RetryPolicies", f"must be a list, not {shown(policies)}"
        return
    for index, policy in enumerate(policies):
        place = f"RetryPolicies[{index}]"
        if not isinstance(policy, Mapping):
            yield place, f"must be an object, not {shown(policy)}"
            continue
        for field in policy:
            if field not in _RETRY_FIELDS:
                yield f"{place}.{field}", f"is not known; {among(_RETRY_FIELDS, field)}"
        yield from _policy(policy, place)


def _policy(policy: Mapping[str, Any], place: str) -> Iterator[Fault]:
    exceptions = policy.get("ExceptionType")
    if not isinstance(exceptions, list) or not exceptions:
        yield f"{place}.ExceptionType", f"must be a list of {', '.join(EXCEPTIONS)}"
    else:
        for index, each in enumerate(exceptions):
            if each not in EXCEPTIONS:
                yield f"{place}.ExceptionType[{index}]", f"is {shown(each)}; {among(EXCEPTIONS, each)}"
    if ("MaxAttempts" in policy) == ("ExpireAfterMin" in policy):
        yield place, "needs one of MaxAttempts and ExpireAfterMin"
    for field, least, most, whole in (
        ("IntervalSeconds", 0, None, False),
        ("BackoffRate", 0, None, False),
        ("MaxAttempts", 1, MOST_ATTEMPTS, True),
        ("ExpireAfterMin", 0, MOST_MINUTES, True),
    ):
        value = policy.get(field)
        if value is None:
            continue
        kinds = (int,) if whole else (int, float)
        wrong = not isinstance(value, kinds) or isinstance(value, bool) or value < least
        if wrong or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"{least} to {most}"
            yield f"{place}.{field}", f"is {shown(value)}; accepted: a number, {limits}"


def _property_files(step: Mapping[str, Any]) -> Iterator[Fault]:
    files = step.get("PropertyFiles")
    if files is None:
        return
    arguments = step.get("Arguments")
    config = arguments.get("ProcessingOutputConfig") if isinstance(arguments, Mapping) else None
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    names = [str(each.get("OutputName")) for each in objects(outputs)]
    for index, file in enumerate(files if isinstance(files, list) else [files]):
        place = f"PropertyFiles[{index}]"
        fields = ("PropertyFileName", "OutputName", "FilePath")
        if not isinstance(file, Mapping) or any(not isinstance(file.get(each), str) for each in fields):
            yield place, f"needs {', '.join(fields)}"
        elif file["OutputName"] not in names:
            yield (
                f"{place}.OutputName",
                f"is {shown(file['OutputName'])}; {among(names, file['OutputName'])}",
            )
