"""The command line that the three clients share."""

import argparse
import inspect
import sys
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from examples.sagemaker._dry_run import dry_session
from examples.sagemaker._fleet import Fleet

Call = Callable[[boto3.Session, Fleet], None]
PLACEHOLDERS = {
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fleetcast:0.1.0",
    "role": "arn:aws:iam::123456789012:role/SageMaker",
    "bucket": "my-bucket",
}
AFTERWARDS = """
The order: training-job first; it reads s3://BUCKET/customers/ (a folder per customer, as `process` leaves
them) and writes an archive per customer to s3://BUCKET/models/ and all of them to
s3://BUCKET/jobs/NAME/output/model.tar.gz, which is what the other commands serve.
An endpoint costs money until `aws sagemaker delete-endpoint --endpoint-name NAME-KIND`.
With --dry-run nothing is sent, no account and no credentials are needed: each call is checked against
SageMaker's own description of it and printed as a line of JSON.
"""


def run(description: str, calls: tuple[Call, ...]) -> None:
    """Do what the command line says; a sub-command is a function of `calls`, its help the docstring."""
    options = _options(description, calls)
    try:
        options.call(_session(options), _fleet(options))
    except (BotoCoreError, ClientError) as error:
        sys.exit(str(error))


def _options(description: str, calls: tuple[Call, ...]) -> argparse.Namespace:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, epilog=AFTERWARDS, formatter_class=layout)
    commands = parser.add_subparsers(required=True, metavar="KIND")
    for call in calls:
        text = inspect.getdoc(call) or ""
        command = commands.add_parser(
            call.__name__.replace("_", "-"),
            help=text.splitlines()[0],
            description=text,
            epilog=AFTERWARDS,
            formatter_class=layout,
        )
        _add_options(command)
        command.set_defaults(call=call)
    options = parser.parse_args()
    missing = [f"--{name}" for name in PLACEHOLDERS if getattr(options, name) is None]
    if missing and not options.dry_run:
        parser.error(f"{', '.join(missing)}: missing (only --dry-run goes without)")
    return options


def _add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image", help="the image in ECR")
    command.add_argument("--role", help="ARN of the role that SageMaker takes on")
    command.add_argument("--bucket", help="the S3 bucket for everything")
    command.add_argument("--region", default="eu-west-1", help="(%(default)s)")
    command.add_argument(
        "--name",
        default="fleet",
        help="name of the training job, new for every job; the others are called NAME-KIND (%(default)s)",
    )
    command.add_argument("--dry-run", action="store_true", help="check and print the calls; send nothing")


def _session(options: argparse.Namespace) -> boto3.Session:
    return dry_session(options.region) if options.dry_run else boto3.Session(region_name=options.region)


def _fleet(options: argparse.Namespace) -> Fleet:
    values = {
        name: placeholder if (value := getattr(options, name)) is None else value
        for name, placeholder in PLACEHOLDERS.items()
    }
    return Fleet(name=options.name, **values)
