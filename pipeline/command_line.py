"""The command line of `fleetcast pipeline`: its options, and the pipeline that they choose."""

import argparse
import shlex
from pathlib import Path
from typing import Any, Final

from container import COMMON, help_text, read_json_object
from fleetcast.errors import InputError, SettingError
from pipeline.definition import FleetOptions, fleet_pipeline
from pipeline.gate import NONE, THRESHOLDS, limit

MOST_BYTES: Final = 1024 * 1024
"""Of a definition; SageMaker takes no longer one."""
DEFAULTS: Final = FleetOptions()
DESCRIPTION: Final = """\
Print the definition of the fleet's pipeline for Amazon SageMaker: Process -> Train -> Evaluate -> Gate ->
Register, or Fail where the gate is not passed.  With --feature-group a step Ingest comes first, and with
--tune a tuning job takes the place of the training job.

Process and ProcessActuals divide the readings at the time Cutoff: those before it train the fleet, the later
ones are what Evaluate compares its forecasts with.

Image, role, bucket, readings and cutoff are defaults of the pipeline's parameters; without a default every
execution must set them.  The picture and what each step does: docs/how-to/pipeline.md"""
EPILOGUE: Final = """\
examples:
  fleetcast pipeline --image IMAGE --role ROLE --bucket BUCKET --cutoff 2026-01-01 > pipeline.json
  fleetcast pipeline --check pipeline.json
  fleetcast pipeline --definition pipeline.json --create --role ROLE --start --parameter Cutoff=2026-02-01
  fleetcast pipeline --run-local run --parameter Cutoff=2026-01-01 \\
    --parameter Readings=s3://here/readings --map s3://here/readings=my-readings

exit codes: 0 done; 1 the definition, an input or a step has a fault, which the log names; 2 an unknown
option; 3 a local run reached a Fail step, such as that of a fleet that is not good enough; 130 after Ctrl-C;
143 after SIGTERM

environment variables:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="fleetcast pipeline",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_actions(made)
    _add_places(made)
    _add_steps(made)
    _add_machines(made)
    return made


def _add_actions(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("what to do, instead of printing the definition")
    option = group.add_mutually_exclusive_group().add_argument
    option(
        "--check",
        metavar="FILE",
        nargs="?",
        const="",
        help="say what SageMaker would refuse in the definition, or in that of FILE; needs no account",
    )
    option(
        "--create",
        action="store_true",
        help="create the pipeline in your account, or update it where its definition or role differs",
    )
    option("--picture", metavar="FILE", help="draw the steps, as SVG")
    option(
        "--run-local",
        metavar="FOLDER",
        help="run the steps as commands on this machine; the same command goes on after a stop or a kill",
    )
    option = group.add_argument
    option("--start", action="store_true", help="with --create: start an execution as well")
    option(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --create: a tag of the pipeline; may be repeated",
    )
    option(
        "--definition",
        default="",
        metavar="FILE",
        help="take the definition of this file instead of the options' one",
    )
    option(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="with --run-local and --start: set a parameter of the execution; may be repeated",
    )
    option(
        "--map",
        action="append",
        default=[],
        metavar="S3URI=FOLDER",
        help="take a folder of this machine for an address in S3, such as the readings'; may be repeated",
    )
    option(
        "--docker",
        action="store_true",
        help="run each step locally as docker run IMAGE, with the parameter Image",
    )


def _add_places(made: argparse.ArgumentParser) -> None:
    option = made.add_argument_group("names and places").add_argument
    option("--name", default=DEFAULTS.name, help=f"of the pipeline; default: {DEFAULTS.name}")
    option("--image", default="", metavar="URI", help="this image in your registry")
    option("--role", default="", metavar="ARN", help="the role that the jobs assume")
    option("--bucket", default="", help="where models, archives and reports go")
    option("--readings", default="", metavar="S3URI", help="raw readings; default: s3://BUCKET/readings")
    option("--cutoff", default="", metavar="TIME", help="readings before it train, later ones evaluate")
    option("--model-package-group", default="", metavar="NAME", help="default: the pipeline's name")


def _add_steps(made: argparse.ArgumentParser) -> None:
    option = made.add_argument_group("steps").add_argument
    option(
        "--feature-group",
        default="",
        metavar="NAME",
        help="write the readings to this feature group first (step Ingest), and read them from there",
    )
    option(
        "--process-options",
        default="",
        metavar="TEXT",
        help="options of process, and of ingest where there is one, such as '--customer-id meter --value y'",
    )
    option(
        "--hyperparameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of train; may be repeated",
    )
    option("--tune", action="store_true", help="search hyperparameters in a tuning job (step Tune)")
    option(
        "--tuning-jobs",
        type=int,
        default=DEFAULTS.tuning_jobs,
        metavar="N",
        help=f"default: {DEFAULTS.tuning_jobs}",
    )
    option(
        "--tuning-jobs-at-once",
        type=int,
        default=DEFAULTS.tuning_jobs_at_once,
        metavar="N",
        help=f"default: {DEFAULTS.tuning_jobs_at_once}",
    )
    option = made.add_argument_group(f"how good a fleet must be, each a number or {NONE}").add_argument
    for each in THRESHOLDS:
        default = NONE if each.default is None else f"{each.default:g}"
        option(
            each.option,
            type=limit,
            default=each.default,
            metavar="NUMBER",
            help=f"{each.meaning}; default: {default}",
        )


def _add_machines(made: argparse.ArgumentParser) -> None:
    option = made.add_argument_group("machines and caching").add_argument
    option(
        "--instance-type",
        default=DEFAULTS.instance_type,
        metavar="TYPE",
        help=f"default: {DEFAULTS.instance_type}",
    )
    option(
        "--instance-count",
        type=int,
        default=DEFAULTS.instance_count,
        metavar="N",
        help=f"of training; default: {DEFAULTS.instance_count}",
    )
    option(
        "--processing-instance-type",
        default=DEFAULTS.processing_instance_type,
        metavar="TYPE",
        help=f"default: {DEFAULTS.processing_instance_type}",
    )
    option(
        "--inference-instance-type",
        default=DEFAULTS.inference_instance_type,
        metavar="TYPE",
        help=f"for which the model is registered; default: {DEFAULTS.inference_instance_type}",
    )
    option(
        "--cache-days",
        type=int,
        default=DEFAULTS.cache_days,
        metavar="N",
        help=f"how long an equal step's result is used again, 0 for never; default: {DEFAULTS.cache_days}",
    )


def fleet_options(options: argparse.Namespace) -> FleetOptions:
    """Return the options of the pipeline; raise SettingError for one that is not accepted."""
    return FleetOptions(
        name=options.name,
        image=options.image,
        role=options.role,
        bucket=options.bucket,
        readings=options.readings,
        cutoff=options.cutoff,
        feature_group=options.feature_group,
        process_options=tuple(_words("--process-options", options.process_options)),
        hyperparameters=dict(pair("--hyperparameter", text) for text in options.hyperparameter),
        tune=options.tune,
        tuning_jobs=options.tuning_jobs,
        tuning_jobs_at_once=options.tuning_jobs_at_once,
        instance_type=options.instance_type,
        instance_count=options.instance_count,
        processing_instance_type=options.processing_instance_type,
        inference_instance_type=options.inference_instance_type,
        thresholds={each.option: getattr(options, each.option[2:].replace("-", "_")) for each in THRESHOLDS},
        model_package_group=options.model_package_group,
        cache_days=options.cache_days,
    )


def definition_of(options: argparse.Namespace, file: str = "") -> dict[str, Any]:
    """Return the definition that the options choose, or that a file holds."""
    if not file:
        return fleet_pipeline(fleet_options(options)).as_json()
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{file}: no such file; it must hold a pipeline definition in JSON")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{file} has more than {MOST_BYTES} bytes, which SageMaker does not take")
    return read_json_object(path)


def pair(option: str, text: str) -> tuple[str, str]:
    """Return name and value of an option such as `--hyperparameter name=value`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise SettingError(f"{option} must look like name=value, not {text!r}")
    return name, value


def _words(option: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingError(f"{option} must be quoted as in a shell: {error}") from error
