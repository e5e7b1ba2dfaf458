"""Objects in S3, which `s3://bucket/key` names."""

from urllib.parse import urlsplit

from fleetcast.errors import SettingError
from pipeline.aws.calls import Aws, AwsError


def place_of(uri: str) -> tuple[str, str]:
    """Return bucket and key of a URI such as s3://bucket/key; raise SettingError for another text."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise SettingError(f"a place in S3 must look like s3://bucket/key, not {uri!r}")
    return parts.netloc, parts.path.lstrip("/")


def read_object(aws: Aws, uri: str, *, most_bytes: int) -> bytes:
    """Return the content of an object; raise AwsError where there is none, or a larger one."""
    bucket, key = place_of(uri)
    response = aws.call("s3", "GetObject", Bucket=bucket, Key=key)
    size = response["ContentLength"]
    with response["Body"] as body:
        if size > most_bytes:
            raise AwsError(f"{uri} has {size} bytes, more than the {most_bytes} that are read")
        content: bytes = body.read()
    return content
