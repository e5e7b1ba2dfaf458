"""The command line of `delete`."""

import argparse
import logging
from collections.abc import Mapping
from typing import Final

from container import COMMON, help_text, run
from fleetcast.command import EXIT_USAGE
from pipeline.aws import Aws, AwsError
from pipeline.delete.kinds import KINDS

logger = logging.getLogger(__name__)

DESCRIPTION: Final = """\
Delete what the workflow made in AWS: a model package group with all its versions, a pipeline, or a feature
group.  It says first what it will delete, and deletes nothing without --yes.  What is not there counts as
deleted.  Model data, images, and what pipelines wrote to S3 stay."""
EPILOGUE: Final = """\
examples:
  fleetcast delete model-package-group meters
  fleetcast delete feature-group readings --with-data --yes

exit codes: 0 deleted, or not there; 1 a call failed, and the same command goes on; 2 an unknown option, or
--yes is missing

environment variables, beside AWS's own:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="fleetcast delete",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("kind", choices=tuple(KINDS), metavar="KIND", help=f"one of {', '.join(KINDS)}")
    made.add_argument("name", metavar="NAME", help="its name")
    made.add_argument("--yes", action="store_true", help="delete it; without this it is only said what is")
    made.add_argument(
        "--with-data", action="store_true", help="of a feature group, also the files of its offline store"
    )
    made.add_argument(
        "--dry-run", action="store_true", help="check and print the calls; nothing is asked or deleted"
    )
    return made


def delete(aws: Aws, options: argparse.Namespace) -> int:
    """Say what is deleted, delete it, and return the exit code; raise AwsError."""
    if options.with_data and options.kind != "feature-group":
        logger.error("--with-data belongs to feature-group, not to %s", options.kind)
        return EXIT_USAGE
    deletion = KINDS[options.kind](aws, options.name, with_data=options.with_data)
    if deletion is None:
        logger.info("there is no %s %s: nothing to delete", options.kind, options.name)
        return 0
    if not (options.yes or options.dry_run):
        logger.error("this would delete %s. Nothing is deleted without --yes", deletion.sentence)
        return EXIT_USAGE
    logger.info("%s %s", "a dry run of deleting" if options.dry_run else "deleting", deletion.sentence)
    for service, operation, parameters in deletion.steps():
        response = aws.call(service, operation, **parameters)
        if errors := response.get("Errors"):
            first = errors[0]
            raise AwsError(f"{service} did not delete {first.get('Key')}: {first.get('Code')}")
    if not options.dry_run:
        logger.info("%s %s is deleted", options.kind, options.name)
    return 0


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(_: Mapping[str, str]) -> int:
        return delete(Aws(dry_run=options.dry_run), options)

    return run(program)
