"""The command line of `register`."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from container import COMMON, Paths, help_text, log_metrics, run
from fleetcast.archive import write_atomically
from fleetcast.errors import SettingError
from pipeline.aws import Aws, uri_of_input, uri_of_output
from pipeline.evaluation import metric_line, read_evaluation
from pipeline.exit_message import write_exit_message
from pipeline.register.lineage import Lineage, digest_of_file, digests_of_inputs
from pipeline.register.package import Registration, put_metrics, register, training_job

logger = logging.getLogger(__name__)

ACTIONS: Final = (
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:CreateModelPackageGroup",
    "sagemaker:ListModelPackages",
    "sagemaker:DescribeModelPackage",
    "sagemaker:CreateModelPackage",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:BatchPutMetrics",
)
"""What the role may have to do: the last two with --training-job and with --experiment-run."""
STATUSES: Final = ("PendingManualApproval", "Approved", "Rejected")
DESCRIPTION: Final = """\
Register an evaluated fleet as a version in SageMaker's model registry.

Makes the model package group if it is missing, and a model package in it: image, model data, the figures of
<base>/processing/input/evaluation/evaluation.json, and what they were made of.  The same goes to
<base>/processing/output/lineage/lineage.json: SHA-256 of every folder in <base>/processing/input and of the
evaluation, image, hyperparameters, training job, pipeline execution, versions.  A second run with the same
content registers nothing again.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.

In a processing job, the place of evaluation.json in S3 is known from the job's inputs."""
EPILOGUE: Final = """\
examples:
  fleetcast register --model-package-group meters --training-job fleetcast-2026-01-31
  fleetcast register --model-package-group meters --image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/\
fleetcast:1 \\
      --model-data s3://bucket/fleet/model.tar.gz --evaluation-uri s3://bucket/fleet/evaluation.json --dry-run

exit codes: 0 registered, or registered before; 1 a file or a call failed; 2 an unknown option

environment variables, beside AWS's own:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="fleetcast register",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = made.add_argument_group("what is registered").add_argument
    option("--model-package-group", required=True, metavar="NAME", help="made if it is missing")
    option("--training-job", metavar="NAME", help="a completed one: its image, model data, hyperparameters")
    option("--image", metavar="URI", help="default: that of the training job")
    option(
        "--model-data",
        metavar="S3URI",
        help="a model.tar.gz, or a prefix with a bundle or archives; default: that of the training job",
    )
    option(
        "--evaluation",
        metavar="FILE",
        help="default: <base>/processing/input/evaluation/evaluation.json",
    )
    option("--evaluation-uri", metavar="S3URI", help="the same file in S3; default: from the job's inputs")
    option = made.add_argument_group("what is said of it").add_argument
    option("--approval-status", choices=STATUSES, default=STATUSES[0], help="default: %(default)s")
    option("--description", default="", metavar="TEXT", help="of this version")
    option(
        "--property",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a customer metadata property; may be repeated",
    )
    option("--instance-types", default="", metavar="TYPES", help="that may serve it, separated by commas")
    option("--pipeline-execution", default="", metavar="ARN", help="that made this version")
    option("--experiment-run", metavar="NAME", help="a trial component, which gets the figures as metrics")
    option = made.add_argument_group("trying").add_argument
    option("--dry-run", action="store_true", help="check and print the calls; nothing is asked or changed")
    return made


def properties(texts: list[str]) -> dict[str, str]:
    """Return the customer metadata properties; raise SettingError for a malformed one."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise SettingError(f"--property must look like team=energy, not {text!r}")
        found[name] = value
    return found


def lineage_of(
    paths: Paths, options: argparse.Namespace, job: Mapping[str, Any], evaluation: Path
) -> Lineage:
    """Return what the version is made of; raise SettingError where image or model data are not known."""
    image = options.image or job.get("AlgorithmSpecification", {}).get("TrainingImage", "")
    model_data = options.model_data or job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    for option, value in (("--image", image), ("--model-data", model_data)):
        if not value:
            asked = "; a dry run does not ask for the training job" if options.dry_run else ""
            raise SettingError(f"set {option}, or --training-job{asked}")
    if not model_data.startswith("s3://"):
        raise SettingError(f"--model-data must look like s3://bucket/model.tar.gz, not {model_data!r}")
    channels = {
        each.get("ChannelName", ""): each.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
        for each in job.get("InputDataConfig", ())
    }
    training = {"hyperparameters": job.get("HyperParameters", {}), "channels": channels} if job else {}
    return Lineage(
        image=image,
        image_digest=f"sha256:{digest}" if (digest := image.partition("@sha256:")[2]) else "",
        model_data=model_data,
        evaluation=digest_of_file(evaluation),
        inputs=digests_of_inputs(paths.processing_input),
        training=training,
        training_job=str(job.get("TrainingJobArn", options.training_job or "")),
        pipeline_execution=options.pipeline_execution,
    )


def run_register(paths: Paths, options: argparse.Namespace, aws: Aws) -> str:
    """Register the fleet, write lineage.json, and return a sentence.

    Raises InputError, SettingError, AwsError and FilesystemError.
    """
    default = paths.processing_input / "evaluation" / "evaluation.json"
    file = Path(options.evaluation).absolute() if options.evaluation else default
    evaluation = read_evaluation(file)
    lineage = lineage_of(
        paths, options, training_job(aws, options.training_job) if options.training_job else {}, file
    )
    registration = Registration(
        group=options.model_package_group,
        lineage=lineage,
        evaluation_uri=options.evaluation_uri or uri_of_input(paths, file),
        approval_status=options.approval_status,
        description=options.description,
        properties=_properties(paths, options, lineage),
        instance_types=tuple(name.strip() for name in options.instance_types.split(",") if name.strip()),
    )
    if not registration.evaluation_uri:
        logger.warning("the version has no metrics: set --evaluation-uri, where evaluation.json is in S3")
    arn, is_new = register(aws, registration)
    if not options.dry_run:
        path = _lineage_file(paths)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = lineage.to_json(model_package=arn, evaluation_uri=registration.evaluation_uri)
        write_atomically(path, content)
    if options.experiment_run:
        put_metrics(aws, options.experiment_run, metric_line(evaluation))
    else:
        log_metrics(metric_line(evaluation))
    if options.dry_run:
        return f"a dry run: nothing is registered in {registration.group}"
    return f"{arn} is {f'registered: {options.approval_status}' if is_new else 'registered already'}"


def _properties(paths: Paths, options: argparse.Namespace, lineage: Lineage) -> dict[str, str]:
    own = {
        "fleetcast_version": lineage.versions["fleetcast"],
        "lineage_uri": uri_of_output(paths, _lineage_file(paths)),
        "training_job": lineage.training_job,
    }
    return {name: value for name, value in own.items() if value} | properties(options.property)


def _lineage_file(paths: Paths) -> Path:
    return paths.processing_output / "lineage" / "lineage.json"


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        sentence = run_register(Paths.from_env(env), options, Aws(dry_run=options.dry_run))
        logger.info("%s", sentence)
        if not options.dry_run:
            write_exit_message(env, sentence)
        return 0

    return run(program, failed=write_exit_message)
