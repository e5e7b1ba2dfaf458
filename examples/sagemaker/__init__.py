"""The same six calls to SageMaker from three clients: boto3, the Python SDK v2 and the Python SDK v3."""

from examples.sagemaker._dry_run import dry_session
from examples.sagemaker._fleet import METRICS

__all__ = ["METRICS", "dry_session"]
