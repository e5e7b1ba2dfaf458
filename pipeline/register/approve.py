"""The command line of `approve`."""

import argparse
import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from container import COMMON, help_text, run
from fleetcast.errors import SettingError
from pipeline.aws import Aws, ModelPackages

logger = logging.getLogger(__name__)

ACTIONS: Final = (
    "sagemaker:ListModelPackages",
    "sagemaker:DescribeModelPackage",
    "sagemaker:UpdateModelPackage",
)
"""What the role has to do."""
_VERSION: Final = re.compile(r"(?P<group>[^/:]+)/(?P<version>\d+)")
DESCRIPTION: Final = """\
Approve, or reject, a registered version of a fleet.

The version is an ARN, or the name of the model package group and the version's number, such as meters/3;
--latest-of names the group alone.  `fleetcast gate --model-package-group` compares new fleets with the latest
version that is approved."""
EPILOGUE: Final = """\
examples:
  fleetcast approve meters/3 --comment "errors of January looked at"
  fleetcast approve --latest-of meters --reject

exit codes: 0 done, or it had this status before; 1 a call failed; 2 an unknown option

environment variables, beside AWS's own:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="fleetcast approve",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("version", nargs="?", metavar="VERSION", help="an ARN, or GROUP/NUMBER")
    which.add_argument("--latest-of", metavar="GROUP", help="the newest version of a model package group")
    made.add_argument("--reject", action="store_true", help="reject it instead")
    made.add_argument("--comment", default="", metavar="TEXT", help="why, for the registry")
    made.add_argument(
        "--dry-run", action="store_true", help="check and print the calls; nothing is asked or changed"
    )
    return made


def approve(aws: Aws, options: argparse.Namespace) -> str:
    """Approve or reject the version, and return a sentence; raise AwsError and SettingError."""
    arn = _arn(aws, options)
    status = "Rejected" if options.reject else "Approved"
    if ModelPackages(aws, "").describe(arn).get("ModelApprovalStatus") == status:
        return f"{arn} is {status} already"
    comment: dict[str, Any] = {"ApprovalDescription": options.comment} if options.comment else {}
    aws.call("sagemaker", "UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status, **comment)
    return f"a dry run: {arn} is not changed" if options.dry_run else f"{arn} is {status}"


def _arn(aws: Aws, options: argparse.Namespace) -> str:
    """Return the ARN of the version; in a dry run, which asks nobody, words in its place."""
    if options.latest_of:
        latest = ModelPackages(aws, options.latest_of).latest()
        if options.dry_run:
            return f"(the latest version of {options.latest_of})"
        if latest is None:
            raise SettingError(f"the model package group {options.latest_of} has no version")
        return str(latest["ModelPackageArn"])
    if options.version.startswith("arn:"):
        return str(options.version)
    named = _VERSION.fullmatch(options.version)
    if named is None:
        raise SettingError(f"a version must be an ARN or look like meters/3, not {options.version!r}")
    packages = ModelPackages(aws, named["group"])
    if options.dry_run:
        next(packages.summaries(), None)
        return f"(version {named['version']} of {named['group']})"
    return packages.arn_of_version(int(named["version"]))


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(_: Mapping[str, str]) -> int:
        logger.info("%s", approve(Aws(dry_run=options.dry_run), options))
        return 0

    return run(program)
