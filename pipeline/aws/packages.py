"""The model packages of a model package group, the newest first."""

from collections.abc import Iterator
from typing import Any

from fleetcast.errors import SettingError
from pipeline.aws.calls import Aws, AwsError


class ModelPackages:
    """The versions of one group; a group that does not exist has none."""

    def __init__(self, aws: Aws, group: str) -> None:
        self._aws = aws
        self.group = group

    def description(self) -> dict[str, Any]:
        """Return what `DescribeModelPackageGroup` says; empty without such a group.  Raises AwsError."""
        try:
            return self._aws.call("sagemaker", "DescribeModelPackageGroup", ModelPackageGroupName=self.group)
        except AwsError as error:
            if error.is_absent:
                return {}
            raise

    def summaries(self, **conditions: str) -> Iterator[dict[str, Any]]:
        """Yield what `ListModelPackages` says of each version, the newest first; raise AwsError."""
        conditions |= {"SortBy": "CreationTime", "SortOrder": "Descending"}
        while True:
            page = self._aws.call(
                "sagemaker", "ListModelPackages", ModelPackageGroupName=self.group, **conditions
            )
            yield from page.get("ModelPackageSummaryList", ())
            if not page.get("NextToken"):
                return
            conditions["NextToken"] = page["NextToken"]

    def describe(self, arn: str) -> dict[str, Any]:
        """Return what `DescribeModelPackage` says; raise AwsError."""
        return self._aws.call("sagemaker", "DescribeModelPackage", ModelPackageName=arn)

    def latest(self, **conditions: str) -> dict[str, Any] | None:
        """Return the summary of the newest version; None without one.  Raises AwsError."""
        try:
            return next(self.summaries(**conditions), None)
        except AwsError as error:
            if error.is_absent:
                return None
            raise

    def arn_of_version(self, version: int) -> str:
        """Return the ARN of a version; raise SettingError where the group does not have it."""
        for summary in self.summaries():
            if summary["ModelPackageVersion"] == version:
                return str(summary["ModelPackageArn"])
        raise SettingError(f"the model package group {self.group} has no version {version}")
