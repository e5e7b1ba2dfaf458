"""A tuning job on one machine: training jobs one after the other, with hyperparameters drawn at random.

SageMaker's own strategy is Bayesian and its service's.  Here the hyperparameters are drawn from the same
ranges by a generator whose seed is the step's digest, so that a run that was killed draws the same again.
"""

import logging
import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetcast.errors import InputError
from pipeline.definition import objects

logger = logging.getLogger(__name__)


def draws(config: Mapping[str, Any], *, seed: str) -> list[dict[str, str]]:
    """Return the hyperparameters of each training job, as texts."""
    generator = random.Random(seed)  # noqa: S311 -- a search, no secret
    jobs = int(config["ResourceLimits"]["MaxNumberOfTrainingJobs"])
    return [_draw(config.get("ParameterRanges", {}), generator) for _ in range(jobs)]


def _draw(ranges: Mapping[str, Any], generator: random.Random) -> dict[str, str]:
    drawn = {}
    for each in objects(ranges.get("ContinuousParameterRanges")):
        drawn[each["Name"]] = repr(_number(each, generator))
    for each in objects(ranges.get("IntegerParameterRanges")):
        drawn[each["Name"]] = str(round(_number(each, generator)))
    for each in objects(ranges.get("CategoricalParameterRanges")):
        drawn[each["Name"]] = generator.choice(each["Values"])
    return drawn


def _number(wanted: Mapping[str, Any], generator: random.Random) -> float:
    least, greatest = float(wanted["MinValue"]), float(wanted["MaxValue"])
    if wanted.get("ScalingType") == "Logarithmic":
        return math.exp(generator.uniform(math.log(least), math.log(greatest)))
    return generator.uniform(least, greatest)


def training_arguments(arguments: Mapping[str, Any], drawn: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of one training job of a tuning job."""
    job = dict(arguments["TrainingJobDefinition"])
    fixed = job.pop("StaticHyperParameters", {})
    return job | {"HyperParameters": {**fixed, **drawn}}


def objective(arguments: Mapping[str, Any], log: Path) -> float | None:
    """Return the last value of the tuning job's metric in a training job's log, None without one."""
    name = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    metrics = objects(arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"])
    (regex,) = (each["Regex"] for each in metrics if each["Name"] == name)
    found = re.findall(regex, log.read_text(errors="replace"))
    return float(found[-1]) if found else None


def best(arguments: Mapping[str, Any], values: Mapping[str, float | None]) -> str:
    """Return the name of the job with the best value; raise InputError where none has one."""
    wanted = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        raise InputError(f"no training job has the metric {wanted['MetricName']} in its log")
    choose = min if wanted["Type"] == "Minimize" else max
    return choose(known, key=lambda name: known[name])
