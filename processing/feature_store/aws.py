"""Makes this program's AWS clients, and turns what they raise into errors that name the next step.

Credentials, region and endpoints come from boto3's own configuration and variables.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fleetcast.errors import FleetcastError, InputError
from fleetcast.extras import require

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 60
ATTEMPTS: Final = 5
"""Calls that botocore makes until one succeeds, with growing random pauses, where a further call can help."""
_HINTS: Final = {
    "AccessDeniedException": "the role needs the permission that the message names",
    "AccessDenied": "the role needs the permission that the message names",
    "ExpiredToken": "log in again",
    "ExpiredTokenException": "log in again",
    "ResourceNotFound": "check name and Region, or create the group with `fleetcast ingest --create`",
    "UnknownOperationException": "set --records-per-call 1 where the Region has no BatchWriteRecord",
    "NoSuchBucket": "check the name of the bucket",
}


def client(service: str, *, region: str | None = None, connections: int = 10, validate: bool = True) -> Any:  # noqa: ANN401 -- boto3 makes its classes at run time
    """Return a client of boto3 that threads can share; `connections` is the number of threads.

    Without `validate` the service alone checks the parameters, which saves a third of a call's time.  Raises
    MissingExtraError without boto3, and InputError without a Region.
    """
    require("boto3", extra="workflow")
    import boto3  # noqa: PLC0415 -- 0.3 seconds, only where it is used
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        max_pool_connections=connections,
        parameter_validation=validate,
    )
    with explained(f"no client for {service}"):
        return boto3.session.Session().client(
            service, region_name=region or os.environ.get("AWS_REGION") or None, config=config
        )


def region_of(arn: str) -> str | None:
    """Return the Region that an ARN names, None for a plain name."""
    parts = arn.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 5 else None  # noqa: PLR2004


@contextmanager
def explained(task: str) -> Iterator[None]:
    """Turn errors of boto3 into an InputError that begins with `task`, says what AWS said, and what to do."""
    from boto3.exceptions import Boto3Error  # noqa: PLC0415 -- as above
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 -- as above

    try:
        yield
    except FleetcastError:
        raise
    except ClientError as error:
        answer = error.response.get("Error", {})
        code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
        hint = f"; {_HINTS[code]}" if code in _HINTS else ""
        raise InputError(f"{task}: AWS answered {code}: {message}{hint}") from error
    except (Boto3Error, BotoCoreError, ValueError) as error:
        raise InputError(f"{task}: {error}") from error
