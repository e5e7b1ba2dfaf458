"""The latest approved version in the model registry, and whether an evaluation is worse than it."""

from collections.abc import Mapping
from typing import Any, Final

from fleetcast.errors import InputError
from pipeline.aws import Aws, AwsError, ModelPackages, read_object
from pipeline.evaluation import MOST_BYTES, figure, parse_evaluation
from pipeline.gate.thresholds import number

ACTIONS: Final = ("sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage", "s3:GetObject")
"""What the role has to do with --model-package-group."""
OPTION: Final = "--max-worse-than-registered"
PATH: Final = "regression_metrics.mase.value"


def worse_than_registered(aws: Aws, group: str, evaluation: Mapping[str, Any], share: float) -> str:
    """Return why an evaluation is worse than the latest approved version; empty where it is not.

    A group that does not exist, or has no approved version, has nothing to compare with.  A version whose
    figures cannot be read does not pass.  Raises AwsError where the registry does not answer.
    """
    latest = ModelPackages(aws, group).latest(ModelApprovalStatus="Approved")
    if latest is None:
        return ""
    arn = str(latest["ModelPackageArn"])
    name = f"version {latest.get('ModelPackageVersion')} of {group}"
    metrics = ModelPackages(aws, group).describe(arn).get("ModelMetrics", {})
    uri = metrics.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    if not uri:
        return f"{name}, which is approved, has no metrics to compare with ({OPTION})"
    try:
        registered = parse_evaluation(read_object(aws, uri, most_bytes=MOST_BYTES), uri)
    except (AwsError, InputError) as error:
        return f"the metrics of {name}, which is approved, cannot be read: {error} ({OPTION})"
    own, theirs = figure(evaluation, PATH), figure(registered, PATH)
    if own is None or theirs is None:
        whose = "the evaluation" if own is None else f"{name}, which is approved,"
        return f"{whose} has no {PATH} ({OPTION})"
    limit = theirs * (1 + share)
    if own <= limit:
        return ""
    above = f"more than {number(100 * share)} % above {number(theirs)}"
    return f"mase {number(own, beside=theirs)} is {above} of {name}, which is approved ({OPTION})"
