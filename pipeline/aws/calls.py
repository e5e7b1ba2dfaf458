"""One call of an AWS service: boto3 makes it, or a dry run prints it.

A dry run opens no connection and needs no credentials.  It checks the parameters against the shapes that
botocore has of the service: required members, types and ranges.
"""

import json
import os
from dataclasses import dataclass, field
from typing import Any, Final

from fleetcast.errors import FleetcastError

ATTEMPTS: Final = 8
"""Of each call; botocore waits between them, longer each time, with jitter."""
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 60
UNIQUE: Final = "00000000-0000-0000-0000-000000000000"
"""What a dry run has in place of a token that makes a repeated call harmless."""
_ACTIONS: Final = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sagemaker-metrics:BatchPutMetrics": "sagemaker:BatchPutMetrics",
}
"""IAM actions that do not have the name of service and operation."""
_ABSENT: Final = ("does not exist", "could not find", "not found")
"""What SageMaker's messages say of something that is not there; its code is the same as for bad input."""


class AwsError(FleetcastError):
    """An AWS service refused a call, or did not answer."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_absent(self) -> bool:
        """Whether what the call names does not exist."""
        text = str(self).lower()
        return self.code.startswith("ResourceNotFound") or (
            self.code in {"ValidationException", "NoSuchKey"} and any(each in text for each in _ABSENT)
        )


@dataclass(slots=True)
class Aws:
    """The services of AWS; credentials, region and endpoints are boto3's own configuration."""

    dry_run: bool = False
    actions: set[str] = field(default_factory=set)
    """The IAM actions of the calls that were made."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the response of an operation such as `CreateModelPackage`; empty in a dry run.

        Raises AwsError, also for parameters that do not have the operation's shape.
        """
        action = f"{service}:{operation}"
        self.actions.add(_ACTIONS.get(action, action))
        if self.dry_run:
            checked = _checked(service, operation, parameters)
            content = {"service": service, "operation": operation, "parameters": checked}
            print(json.dumps(content, indent=2, default=str))  # noqa: T201 -- what a dry run is for
            return {}
        return self._made(service, operation, parameters)

    def _made(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        from botocore import xform_name  # noqa: PLC0415 -- 0.1 s that --help does not pay
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            response: dict[str, Any] = getattr(self._client(service), xform_name(operation))(**parameters)
        except ClientError as error:
            of_service = error.response.get("Error", {})
            code, message = str(of_service.get("Code", "")), str(of_service.get("Message", ""))
            raise AwsError(f"{service} refused {operation}: {code}: {message}", code) from error
        except (BotoCoreError, ValueError) as error:
            raise AwsError(f"{service} could not be asked for {operation}: {error}") from error
        return response

    def _client(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes its classes at run time
        if service not in self._clients:
            import boto3  # noqa: PLC0415 -- 0.3 s that --help does not pay
            from botocore.config import Config  # noqa: PLC0415

            self._clients[service] = boto3.session.Session().client(
                service,
                region_name=os.environ.get("AWS_REGION") or None,  # SageMaker's; boto3 has another name
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                ),
            )
        return self._clients[service]


def _checked(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with the tokens that boto3 would add.

    Raises AwsError unless they have the shape of the operation.
    """
    from botocore.session import get_session  # noqa: PLC0415 -- as above
    from botocore.validate import ParamValidator  # noqa: PLC0415

    model = get_session().get_service_model(service).operation_model(operation)
    complete = dict.fromkeys(model.idempotent_members, UNIQUE) | parameters
    report = ParamValidator().validate(complete, model.input_shape)
    if report.has_errors():
        raise AwsError(f"{service} does not take these parameters of {operation}: {report.generate_report()}")
    return complete
