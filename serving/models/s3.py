"""A model store in S3: one conditional GetObject per read.

Credentials, region and endpoint come from boto3's own configuration.
"""

import logging
from threading import Lock
from typing import Any, Final

from fleetcast.errors import SettingError
from serving.errors import ModelNotFoundError, RequestError, UnavailableError
from serving.models.store import MAX_PACKED_BYTES, NOT_FOUND, TOO_LARGE, UNREACHABLE, Packed

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
ATTEMPTS: Final = 2
CONNECTIONS: Final = 16
_NOT_FOUND_CODES: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_UNCHANGED: Final = frozenset({"304", "NotModified"})


class S3Store:
    """The objects below `s3://bucket/prefix/`.

    If S3 does not answer, a read fails after (CONNECT_SECONDS + READ_SECONDS) * ATTEMPTS and the pauses
    between attempts.
    """

    def __init__(self, *, bucket: str, prefix: str) -> None:
        if not bucket:
            raise SettingError("MODEL_STORE must name a bucket: s3://bucket/prefix")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._lock = Lock()
        self._client: Any = None

    def read(self, key: str, *, known_version: str | None = None) -> Packed | None:
        """Return the object's bytes and ETag; see `ModelStore`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 -- only where it is used

        parameters = {"Bucket": self._bucket, "Key": self._prefix + key}
        if known_version is not None:
            parameters["IfNoneMatch"] = known_version
        try:
            response = self._connected().get_object(**parameters)
            return Packed(_body(response), response["ETag"])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in _UNCHANGED:
                return None
            raise _request_error(code, error) from error
        except (BotoCoreError, OSError, ValueError) as error:
            # ValueError: the endpoint or the name of the bucket makes no valid URL
            logger.warning("the model store does not answer: %s", error)
            raise UnavailableError(UNREACHABLE) from error

    def _connected(self) -> Any:  # noqa: ANN401 -- boto3 makes its classes at run time
        with self._lock:
            if self._client is None:
                import boto3  # noqa: PLC0415 -- 0.3 seconds, and no thread of a parent process
                from botocore.config import Config  # noqa: PLC0415

                self._client = boto3.session.Session().client(
                    "s3",
                    config=Config(
                        connect_timeout=CONNECT_SECONDS,
                        read_timeout=READ_SECONDS,
                        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                        max_pool_connections=CONNECTIONS,
                    ),
                )
            return self._client


def _request_error(code: str, error: Exception) -> RequestError:
    if code not in _NOT_FOUND_CODES:
        logger.warning("the model store refused a read: %s", error)
    # without the permission s3:ListBucket, S3 denies access to what does not exist
    if code in _NOT_FOUND_CODES or code == "AccessDenied":
        return ModelNotFoundError(NOT_FOUND)
    return UnavailableError(UNREACHABLE)


def _body(response: Any) -> bytes:  # noqa: ANN401 -- boto3 makes its classes at run time
    if response["ContentLength"] > MAX_PACKED_BYTES:
        response["Body"].close()
        raise RequestError(TOO_LARGE)
    content: bytes = response["Body"].read()
    return content
