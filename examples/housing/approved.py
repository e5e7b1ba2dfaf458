"""Finds the model that an endpoint would be made from: the newest approved version in the registry."""

from pathlib import Path

import boto3


def approved_model(group: str, s3: Path) -> Path:
    """Return the archive of the newest approved version; `s3` is the folder that stands for S3."""
    sagemaker = boto3.client("sagemaker")
    versions = sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortOrder="Descending"
    )
    arn = versions["ModelPackageSummaryList"][0]["ModelPackageArn"]
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    (container,) = package["InferenceSpecification"]["Containers"]
    return s3 / container["ModelDataUrl"].removeprefix("s3://")
