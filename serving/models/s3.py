"""A model store in S3: one request per look, by boto3's own chain of credentials, regions and endpoints."""

import logging
from threading import Lock
from typing import Any, Final

from fleetcast.errors import SettingError
from serving.errors import ModelNotFoundError, RequestError, UnavailableError
from serving.models.store import MOST_PACKED_BYTES, Packed

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
ATTEMPTS: Final = 2
CONNECTIONS: Final = 16
_NOT_FOUND: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_UNCHANGED: Final = frozenset({"304", "NotModified"})


class S3Store:
    """The objects below `s3://bucket/prefix/`.

    A look that finds nothing takes at most (CONNECT_SECONDS + READ_SECONDS) * ATTEMPTS and the pauses
    between attempts.
    """

    def __init__(self, *, bucket: str, prefix: str) -> None:
        if not bucket:
            raise SettingError("MODEL_STORE must name a bucket: s3://bucket/prefix")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._lock = Lock()
        self._client: Any = None

    def read(self, name: str, *, known: str | None = None) -> Packed | None:
        """Return the object's bytes and ETag; see `ModelStore`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 -- only where it is used

        asked = {"Bucket": self._bucket, "Key": self._prefix + name}
        if known is not None:
            asked["IfNoneMatch"] = known
        try:
            found = self._connected().get_object(**asked)
            return Packed(_body(found), found["ETag"])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in _UNCHANGED:
                return None
            raise _refusal(code, error) from error
        except (BotoCoreError, OSError, ValueError) as error:
            # ValueError: an endpoint or a bucket's name that makes no URL
            logger.warning("the model store does not answer: %s", error)
            raise UnavailableError("the model store cannot be reached") from error

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


def _refusal(code: str, error: Exception) -> RequestError:
    if code not in _NOT_FOUND:
        logger.warning("the model store refuses: %s", error)
    # without the permission s3:ListBucket, S3 denies access to what does not exist
    if code in _NOT_FOUND or code == "AccessDenied":
        return ModelNotFoundError("there is no such model in the model store")
    return UnavailableError("the model store cannot be reached")


def _body(found: Any) -> bytes:  # noqa: ANN401 -- boto3 makes its classes at run time
    if found["ContentLength"] > MOST_PACKED_BYTES:
        found["Body"].close()
        raise RequestError(f"the model cannot be used: the archive is larger than {MOST_PACKED_BYTES} bytes")
    content: bytes = found["Body"].read()
    return content
