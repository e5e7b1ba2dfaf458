"""What a deletion consists of, for each kind of thing: what is said first, then the calls in their order."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pipeline.aws import Aws, AwsError, ModelPackages, place_of

Step: TypeAlias = tuple[str, str, dict[str, Any]]
"""Service, operation, parameters of one call."""
OBJECTS_PER_CALL: Final = 1_000
"""Most objects that DeleteObjects takes, and that a page of ListObjectsV2 has."""
OFFLINE_STORE: Final = "/offline-store/"
"""Part of the key of every file of a feature group; nothing else is deleted as its data."""
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "model-package-group": (
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:ListModelPackages",
        "sagemaker:DeleteModelPackage",
        "sagemaker:DeleteModelPackageGroup",
    ),
    "pipeline": ("sagemaker:DescribePipeline", "sagemaker:DeletePipeline"),
    "feature-group": ("sagemaker:DescribeFeatureGroup", "sagemaker:DeleteFeatureGroup"),
    "feature-group --with-data": ("s3:ListBucket", "s3:DeleteObject"),
}
"""What the role has to do, by kind; the last beside the one before."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What will be deleted."""

    sentence: str
    steps: Callable[[], Iterator[Step]]
    """Yields the calls; some are known only when those before them are made."""


def model_package_group(aws: Aws, name: str, *, with_data: bool) -> Deletion | None:  # noqa: ARG001 -- see KINDS
    """Return the deletion of a group and of all its versions; None without such a group."""
    packages = ModelPackages(aws, name)
    if not packages.description() and not aws.dry_run:
        return None
    found = list(packages.summaries())
    approved = sum(each.get("ModelApprovalStatus") == "Approved" for each in found)
    arns = [str(each["ModelPackageArn"]) for each in found] or ["(each version)"] * aws.dry_run

    def steps() -> Iterator[Step]:
        for arn in arns:
            yield "sagemaker", "DeleteModelPackage", {"ModelPackageName": arn}
        yield "sagemaker", "DeleteModelPackageGroup", {"ModelPackageGroupName": name}

    return Deletion(
        f"the model package group {name} with {len(found)} versions, {approved} of them approved; model data "
        "and images stay",
        steps,
    )


def pipeline(aws: Aws, name: str, *, with_data: bool) -> Deletion | None:  # noqa: ARG001 -- see KINDS
    """Return the deletion of a pipeline; None without such a pipeline."""
    if _described(aws, "DescribePipeline", PipelineName=name) is None:
        return None

    def steps() -> Iterator[Step]:
        yield "sagemaker", "DeletePipeline", {"PipelineName": name}

    return Deletion(f"the pipeline {name}; what its executions made stays", steps)


def feature_group(aws: Aws, name: str, *, with_data: bool) -> Deletion | None:
    """Return the deletion of a feature group, and of the files of its offline store with `with_data`.

    None without such a group; raises AwsError where it does not say where its files are.
    """
    description = _described(aws, "DescribeFeatureGroup", FeatureGroupName=name)
    if description is None:
        return None
    storage = description.get("OfflineStoreConfig", {}).get("S3StorageConfig", {})
    uri = str(storage.get("ResolvedOutputS3Uri", ""))
    if aws.dry_run:
        uri = f"s3://(bucket)/(prefix){OFFLINE_STORE}{name}"
    if with_data and OFFLINE_STORE not in uri:
        raise AwsError(f"the feature group {name} has no offline store whose files could be deleted")

    def steps() -> Iterator[Step]:
        if with_data:
            yield from _files(aws, uri)
        yield "sagemaker", "DeleteFeatureGroup", {"FeatureGroupName": name}

    files = f" and all files below {uri}" if with_data else f"; its files stay: {uri or 'it has none'}"
    return Deletion(f"the feature group {name}{files}", steps)


def _files(aws: Aws, uri: str) -> Iterator[Step]:
    """Yield the deletion of all objects below a URI, a page at a time; each page must be deleted first."""
    bucket, prefix = place_of(uri)
    while True:
        page = aws.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=OBJECTS_PER_CALL)
        keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
        if aws.dry_run:
            keys = [{"Key": f"{prefix}/(each file)"}]
        if keys:
            yield "s3", "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": keys, "Quiet": True}}
        if not page.get("IsTruncated"):
            return


def _described(aws: Aws, operation: str, **parameters: str) -> dict[str, Any] | None:
    try:
        return aws.call("sagemaker", operation, **parameters)
    except AwsError as error:
        if error.is_absent:
            return None
        raise


KINDS: Final[Mapping[str, Callable[..., Deletion | None]]] = {
    "model-package-group": model_package_group,
    "pipeline": pipeline,
    "feature-group": feature_group,
}
