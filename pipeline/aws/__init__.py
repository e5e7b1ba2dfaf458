"""Calls of AWS's services: made by boto3, or in a dry run checked against its shapes and printed."""

from pipeline.aws.calls import Aws, AwsError
from pipeline.aws.job_config import uri_of_input, uri_of_output
from pipeline.aws.packages import ModelPackages
from pipeline.aws.s3 import place_of, read_object

__all__ = ["Aws", "AwsError", "ModelPackages", "place_of", "read_object", "uri_of_input", "uri_of_output"]
